//! Which system calls each kind of thread makes.
//!
//! A new kind of thread is a [`Role`] with its lists in [`Role::calls`]. `--seccomp log` runs whatever they lack, and
//! the kernel's log then has its number; without it, the program names the thread and the call and ends.

use libc::{c_int, c_long};

use super::super::arch;

/// What a thread is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::machine) enum Role {
    /// It makes the machine and starts all others: a thread is never allowed more than who started it.
    Main,
    /// It runs a vCPU.
    Vcpu,
    /// Likewise, and reads registers at every exit.
    TracedVcpu,
    /// It waits for signals.
    Signals,
    /// It writes metrics.
    Metrics,
    /// It reads what is typed.
    Keyboard,
    /// It gives the guest what was typed.
    Console,
    /// It serves a virtio device that reads and writes at most.
    Device,
    /// It serves a disk.
    Block,
    /// It serves the sockets between guest and host.
    Vsock,
    /// It serves a virtio console.
    Hvc,
    /// It serves the balloon.
    Balloon,
}

/// A system call that is allowed.
#[derive(Debug, Clone, Copy)]
pub(in crate::machine) struct Call {
    pub(super) number: c_long,
    /// The argument that decides; without one, all are taken.
    pub(super) argument: Option<Argument>,
}

/// An argument, and what its bits under a mask have to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Argument {
    pub(super) index: u8,
    pub(super) mask: u32,
    pub(super) value: u32,
}

impl Role {
    /// Returns the role of the thread of a virtio device, by the name of its kind.
    pub(in crate::machine) fn of_device(kind: &str) -> Role {
        match kind {
            "blk" => Role::Block,
            "vsock" => Role::Vsock,
            "console" => Role::Hvc,
            "balloon" => Role::Balloon,
            _ => Role::Device,
        }
    }

    /// Returns the lists of what it is allowed.
    pub(super) fn calls(self) -> &'static [&'static [Call]] {
        match self {
            Role::Main => &[
                EVERY, KVM, WIRES, ACCEPT, INPUT, DEVICE, BLOCK, NET, VSOCK, HVC, SIGNALS, METRICS,
                MAIN,
            ],
            Role::Vcpu => &[EVERY, VCPU, ACCEPT, NET, WIRES],
            Role::TracedVcpu => &[EVERY, VCPU, ACCEPT, NET, WIRES, KVM],
            Role::Signals => &[EVERY, SIGNALS],
            Role::Metrics => &[EVERY, METRICS],
            Role::Keyboard => &[EVERY, INPUT],
            Role::Console => &[EVERY, WIRES],
            Role::Device => &[EVERY, WIRES, INPUT, DEVICE],
            Role::Block => &[EVERY, WIRES, INPUT, DEVICE, BLOCK],
            Role::Vsock => &[EVERY, WIRES, INPUT, DEVICE, ACCEPT, VSOCK],
            Role::Hvc => &[EVERY, WIRES, INPUT, DEVICE, HVC],
            Role::Balloon => &[EVERY, WIRES, INPUT, DEVICE, BALLOON],
        }
    }
}

/// Memory, locks and time, the log and the console, and the end of a thread and of the program.
const EVERY: &[Call] = &[
    Call::any(libc::SYS_brk),
    Call::any(libc::SYS_clock_gettime),
    Call::any(libc::SYS_close),
    Call::any(libc::SYS_exit),
    Call::any(libc::SYS_exit_group),
    // Debug builds see whether what they close is open.
    only(libc::SYS_fcntl, 1, libc::F_GETFD),
    Call::any(libc::SYS_futex),
    Call::any(libc::SYS_getpid),
    Call::any(libc::SYS_getrandom),
    Call::any(libc::SYS_gettid),
    Call::any(libc::SYS_madvise),
    when(libc::SYS_mmap, 2, libc::PROT_EXEC, 0),
    when(libc::SYS_mprotect, 2, libc::PROT_EXEC, 0),
    Call::any(libc::SYS_mremap),
    Call::any(libc::SYS_munmap),
    only(libc::SYS_prctl, 0, libc::PR_GET_NAME),
    Call::any(libc::SYS_restart_syscall),
    Call::any(libc::SYS_rt_sigprocmask),
    Call::any(libc::SYS_rt_sigreturn),
    // The allocator asks how many CPUs there are.
    Call::any(libc::SYS_sched_getaffinity),
    Call::any(libc::SYS_sched_yield),
    Call::any(libc::SYS_sigaltstack),
    only(libc::SYS_tgkill, 2, libc::SIGABRT),
    Call::any(libc::SYS_write),
    Call::any(libc::SYS_writev),
    // The terminal is restored, whoever ends the program.
    ioctl(libc::TCSETS),
    ioctl(libc::TCSETS2),
];

/// Number of KVM among the owners of ioctls.
const KVM_OWNER: c_int = 0xae00;

/// The ways of a device to the guest.
const WIRES: &[Call] = &[
    kvm(0x61), // KVM_IRQ_LINE
    kvm(0x79), // KVM_IOEVENTFD
    kvm(0x86), // KVM_INTERRUPT
    kvm(0xa5), // KVM_SIGNAL_MSI
];

/// Programs of the host reach the guest, also those that waited for its driver.
const ACCEPT: &[Call] =
    &[Call::any(libc::SYS_accept4), Call::any(libc::SYS_recvfrom), ioctl(libc::FIONBIO)];

/// A vCPU; the driver of a device may set it to work on what it waits for.
const VCPU: &[Call] = &[
    kvm(0x80), // KVM_RUN
    Call::any(libc::SYS_epoll_ctl),
    // A reset waits for the requests that a disk has under way.
    Call::any(libc::SYS_io_uring_enter),
];

/// All of KVM.
const KVM: &[Call] = &[when(libc::SYS_ioctl, 1, 0xff00, KVM_OWNER)];

const INPUT: &[Call] = &[Call::any(libc::SYS_read)];

const SIGNALS: &[Call] = &[Call::any(libc::SYS_rt_sigtimedwait)];

const METRICS: &[Call] = &[Call::any(libc::SYS_pread64)];

/// A virtio device waits for its driver.
const DEVICE: &[Call] = &[arch::WAIT, Call::any(libc::SYS_epoll_ctl)];

const BLOCK: &[Call] = &[
    Call::any(libc::SYS_fallocate),
    Call::any(libc::SYS_fdatasync),
    Call::any(libc::SYS_io_uring_enter),
    Call::any(libc::SYS_preadv),
    Call::any(libc::SYS_pwrite64),
    Call::any(libc::SYS_pwritev),
];

/// The driver of a network interface says what it takes upon itself.
const NET: &[Call] = &[ioctl(libc::TUNSETOFFLOAD)];

/// Sockets that are files, and no network.
const VSOCK: &[Call] = &[
    Call::any(libc::SYS_connect),
    only(libc::SYS_fcntl, 1, libc::F_GETFL),
    only(libc::SYS_fcntl, 1, libc::F_SETFL),
    Call::any(libc::SYS_sendto),
    Call::any(libc::SYS_shutdown),
    only(libc::SYS_socket, 0, libc::AF_UNIX),
];

const HVC: &[Call] = &[ioctl(libc::TIOCGWINSZ)];

/// Another target of the balloon comes in. Its clock is set before.
const BALLOON: &[Call] = &[Call::any(libc::SYS_recvfrom)];

/// What makes a machine and its threads, and what a thread does before it enters its role.
const MAIN: &[Call] = &[
    arch::REMOVE,
    when(libc::SYS_clone, 0, libc::CLONE_THREAD, libc::CLONE_THREAD),
    Call::any(libc::SYS_clone3),
    Call::any(libc::SYS_clock_nanosleep),
    Call::any(libc::SYS_epoll_create1),
    Call::any(libc::SYS_eventfd2),
    Call::any(libc::SYS_fcntl),
    Call::any(libc::SYS_fstat),
    Call::any(libc::SYS_ftruncate),
    Call::any(libc::SYS_lseek),
    Call::any(libc::SYS_newfstatat),
    Call::any(libc::SYS_openat),
    only(libc::SYS_prctl, 0, libc::PR_SET_NAME),
    only(libc::SYS_prctl, 0, libc::PR_SET_NO_NEW_PRIVS),
    Call::any(libc::SYS_rseq),
    Call::any(libc::SYS_rt_sigaction),
    only(libc::SYS_seccomp, 0, libc::SECCOMP_SET_MODE_FILTER as c_int),
    Call::any(libc::SYS_set_robust_list),
    Call::any(libc::SYS_signalfd4),
    Call::any(libc::SYS_statx),
    // A vCPU is taken out of the guest.
    only(libc::SYS_tgkill, 2, libc::SIGUSR1),
    Call::any(libc::SYS_timerfd_create),
    Call::any(libc::SYS_timerfd_settime),
    ioctl(libc::TCGETS),
    ioctl(libc::TCGETS2),
];

impl Call {
    /// Allows a system call.
    pub(in crate::machine) const fn any(number: c_long) -> Call {
        Call { number, argument: None }
    }
}

/// Allows a system call where an argument has these bits.
const fn when(number: c_long, index: u8, mask: c_int, value: c_int) -> Call {
    let argument = Argument { index, mask: mask as u32, value: value as u32 };
    Call { number, argument: Some(argument) }
}

/// Allows a system call where an argument has this value.
const fn only(number: c_long, index: u8, value: c_int) -> Call {
    when(number, index, -1, value)
}

/// Allows an ioctl.
const fn ioctl(request: libc::Ioctl) -> Call {
    only(libc::SYS_ioctl, 1, request as c_int)
}

/// Allows an ioctl of KVM, by its number.
const fn kvm(number: c_int) -> Call {
    when(libc::SYS_ioctl, 1, 0xffff, KVM_OWNER | number)
}
