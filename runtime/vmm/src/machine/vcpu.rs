//! A vCPU: its registers, and what ends its turns.

// UNSAFETY: `VcpuFd` gives its file descriptor only as a number.
#![expect(unsafe_code, reason = "a borrowed file descriptor is made of the number of an owned one")]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::Arc;

use kvm_bindings::{KVM_SYSTEM_EVENT_CRASH, KVM_SYSTEM_EVENT_RESET, KVM_SYSTEM_EVENT_SHUTDOWN};
use kvm_ioctls::{VcpuExit, VcpuFd};
use onereg::{Present, Unknown, VcpuState};
use vm_memory::GuestMemoryMmap;

use super::arch::Host;
use super::bus::{Bus, Devices};
use super::vm::{self, Vm};
use crate::failure::Failure;

/// A vCPU, with the memory it runs on.
pub(crate) struct Vcpu {
    index: u16,
    fd: VcpuFd,
    /// Keeps the memory mapped for as long as the vCPU can run.
    _memory: Arc<GuestMemoryMmap>,
}

/// Why a vCPU came back from the guest.
#[derive(Debug)]
pub(super) enum VmExit {
    /// The guest wrote to a device.
    Write { bus: Bus, address: u64, data: Data },
    /// The guest read from a device, and has its answer.
    Read,
    /// The guest stopped the vCPU.
    Halted,
    /// The guest switched the machine off.
    PoweredOff,
    /// The guest wants to start over.
    Reset,
    /// The guest cannot go on.
    Crashed(&'static str),
    /// A signal came.
    Interrupted,
    /// KVM cannot go on.
    Failed(String),
}

/// What one device access carries: up to 8 bytes.
#[derive(Debug)]
pub(super) struct Data {
    bytes: [u8; 8],
    length: usize,
}

impl Data {
    /// Copies the bytes of an access; `None` for the many of a string instruction.
    fn new(from: &[u8]) -> Option<Data> {
        let mut bytes = [0; 8];
        bytes.get_mut(..from.len())?.copy_from_slice(from);
        Some(Data { bytes, length: from.len() })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl AsFd for Vcpu {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: `VcpuFd` owns the descriptor and closes it when it is dropped, which the borrow of `self` precludes.
        unsafe { BorrowedFd::borrow_raw(self.fd.as_raw_fd()) }
    }
}

impl Vcpu {
    pub(super) fn new(index: u16, fd: VcpuFd, memory: Arc<GuestMemoryMmap>) -> Vcpu {
        Vcpu { index, fd, _memory: memory }
    }

    /// Returns its number among those of the VM.
    pub(super) fn index(&self) -> u16 {
        self.index
    }

    /// Returns its file descriptor, for what is not a register.
    pub(super) fn fd(&self) -> &VcpuFd {
        &self.fd
    }

    /// Returns its registers.
    pub(crate) fn registers(&self) -> onereg::kvm::Vcpu<'_, Host> {
        onereg::kvm::Vcpu::over(self)
    }

    /// Captures its state, with what no table knows.
    pub(super) fn capture(&self, vm: &Vm) -> Result<VcpuState, Failure> {
        let fd = vm.descriptor();
        let registers = self.registers().within(&fd);
        let ids = registers.listed_ids(&vm.system()).map_err(|error| {
            Failure::new(format!("cannot list the registers of a vCPU: {error}"))
        })?;
        let present = ids.as_deref().map_or(Present::Table, Present::Listed);
        VcpuState::capture(&registers, present, Unknown::Carry)
            .map(|capture| capture.state)
            .map_err(|error| Failure::new(format!("cannot read the state of a vCPU: {error}")))
    }

    /// Says whether the next runs only complete what the guest has under way, and are interrupted before it goes on.
    pub(super) fn only_complete(&mut self, only: bool) {
        self.fd.set_kvm_immediate_exit(only.into());
    }

    /// Runs the guest until it needs something; what it reads from devices, it gets here.
    pub(super) fn run(&mut self, devices: &Devices) -> VmExit {
        match self.fd.run() {
            Ok(exit) => convert(exit, devices),
            Err(error) => match io::Error::from(error).kind() {
                io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock => VmExit::Interrupted,
                _ => VmExit::Failed(format!("KVM_RUN failed: {}", vm::describe(error))),
            },
        }
    }
}

/// Takes what matters out of the run structure, and puts the answers of devices into it.
fn convert(exit: VcpuExit<'_>, devices: &Devices) -> VmExit {
    match exit {
        VcpuExit::IoOut(port, data) => write(Bus::Port, u64::from(port), data),
        VcpuExit::MmioWrite(address, data) => write(Bus::Memory, address, data),
        VcpuExit::IoIn(port, data) => {
            devices.read(Bus::Port, u64::from(port), data);
            VmExit::Read
        }
        VcpuExit::MmioRead(address, data) => {
            devices.read(Bus::Memory, address, data);
            VmExit::Read
        }
        VcpuExit::Hlt => VmExit::Halted,
        VcpuExit::Shutdown => VmExit::Crashed("it could not handle an exception (triple fault)"),
        VcpuExit::SystemEvent(KVM_SYSTEM_EVENT_SHUTDOWN, _) => VmExit::PoweredOff,
        VcpuExit::SystemEvent(KVM_SYSTEM_EVENT_RESET, _) => VmExit::Reset,
        VcpuExit::SystemEvent(KVM_SYSTEM_EVENT_CRASH, _) => VmExit::Crashed("it says so itself"),
        VcpuExit::Intr => VmExit::Interrupted,
        VcpuExit::FailEntry(reason, cpu) => VmExit::Failed(format!(
            "the CPU refused to enter the guest (reason {reason:#x}, CPU {cpu}): its registers contradict each other"
        )),
        VcpuExit::InternalError => VmExit::Failed(
            "KVM met an instruction or a state that it cannot emulate (KVM_EXIT_INTERNAL_ERROR)"
                .to_owned(),
        ),
        other => VmExit::Failed(format!("unexpected exit of KVM_RUN: {other:?}")),
    }
}

fn write(bus: Bus, address: u64, data: &[u8]) -> VmExit {
    match Data::new(data) {
        Some(data) => VmExit::Write { bus, address, data },
        None => {
            VmExit::Failed(format!("{} bytes written at once to {bus} {address:#x}", data.len()))
        }
    }
}
