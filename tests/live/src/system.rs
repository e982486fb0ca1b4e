//! The life of VMs and vCPUs by ioctl, with each architecture's numbers.

// UNSAFETY: the KVM crate does not compile on every host that is tested, and ioctls and mmap take pointers.
#![expect(unsafe_code, reason = "ioctls and mmap take pointers")]

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::ptr::{self, NonNull};

/// How an ioctl number says what it carries; powerpc says it in another way than the other architectures.
#[derive(Clone, Copy)]
enum Direction {
    /// A number.
    None,
    /// A struct that the kernel reads.
    Write,
    /// A struct that the kernel writes.
    Read,
    /// A struct that the kernel reads and writes.
    Both,
}

const POWERPC: bool = cfg!(target_arch = "powerpc64");

impl Direction {
    /// Computes the number of an ioctl of KVM from its number within the family.
    const fn number(self, nr: u32, size: usize) -> libc::Ioctl {
        let bits = match (self, POWERPC) {
            (Direction::None, false) => 0,
            (Direction::Write, false) => 1 << 30,
            (Direction::Read, false) => 2 << 30,
            (Direction::Both, false) => 3 << 30,
            (Direction::None, true) => 1 << 29,
            (Direction::Write, true) => 4 << 29,
            (Direction::Read, true) => 2 << 29,
            (Direction::Both, true) => 6 << 29,
        };
        (bits | (size as u32) << 16 | 0xae << 8 | nr) as libc::Ioctl
    }
}

/// A plain struct of an ioctl: every bit pattern is a value, and there is no padding that the kernel could leave open.
///
/// # Safety
///
/// The type is `repr(C)`, holds integers only, has no padding, and has the size that the ioctl it is used with expects.
unsafe trait Plain {}

/// `struct kvm_vcpu_init` of arm64.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ArmVcpuInit {
    pub(crate) target: u32,
    pub(crate) features: [u32; 7],
}

/// `struct kvm_enable_cap`.
#[repr(C)]
struct EnableCap {
    cap: u32,
    flags: u32,
    args: [u64; 4],
    pad: [u8; 64],
}

/// `struct kvm_userspace_memory_region`.
#[repr(C)]
struct MemoryRegion {
    slot: u32,
    flags: u32,
    guest_address: u64,
    size: u64,
    host_address: u64,
}

/// `struct kvm_device_attr`.
#[repr(C)]
struct DeviceAttr {
    flags: u32,
    group: u32,
    attr: u64,
    addr: u64,
}

/// `struct kvm_create_device`.
#[repr(C)]
struct CreateDevice {
    kind: u32,
    fd: u32,
    flags: u32,
}

/// Most entries of `struct kvm_cpuid2` that the kernel takes.
const CPUID_ENTRIES: usize = 256;

/// `struct kvm_cpuid_entry2` of x86.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct CpuidEntry {
    pub(crate) function: u32,
    pub(crate) index: u32,
    pub(crate) flags: u32,
    /// EAX, EBX, ECX, EDX.
    pub(crate) registers: [u32; 4],
    padding: [u32; 3],
}

/// `struct kvm_cpuid2` of x86.
#[repr(C)]
#[derive(Clone)]
pub(crate) struct Cpuid {
    count: u32,
    padding: u32,
    entries: [CpuidEntry; CPUID_ENTRIES],
}

impl Cpuid {
    /// Returns the entries.
    pub(crate) fn entries(&self) -> &[CpuidEntry] {
        self.entries.get(..self.count as usize).unwrap_or(&self.entries)
    }

    /// Returns the entries.
    pub(crate) fn entries_mut(&mut self) -> &mut [CpuidEntry] {
        let count = (self.count as usize).min(CPUID_ENTRIES);
        &mut self.entries[..count]
    }
}

// SAFETY: `repr(C)`, integers of 4 bytes only.
unsafe impl Plain for ArmVcpuInit {}
// SAFETY: `repr(C)`, integers only, aligned without padding: 4, 4, 32, 64 bytes.
unsafe impl Plain for EnableCap {}
// SAFETY: `repr(C)`, integers only, aligned without padding: 4, 4, 8, 8, 8 bytes.
unsafe impl Plain for MemoryRegion {}
// SAFETY: `repr(C)`, integers only, aligned without padding: 4, 4, 8, 8 bytes.
unsafe impl Plain for DeviceAttr {}
// SAFETY: `repr(C)`, integers of 4 bytes only.
unsafe impl Plain for CreateDevice {}
// SAFETY: an integer.
unsafe impl Plain for u32 {}

/// Calls an ioctl of KVM that takes a number.
fn call(fd: BorrowedFd<'_>, nr: u32, argument: u64) -> io::Result<u32> {
    let request = Direction::None.number(nr, 0);
    // SAFETY: the ioctls of KVM that carry nothing take their argument as a number and touch no memory of this process.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), request, argument as libc::c_ulong) };
    u32::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// Calls an ioctl of KVM that takes a number and opens a file.
fn open(fd: BorrowedFd<'_>, nr: u32, argument: u64) -> io::Result<OwnedFd> {
    let opened = call(fd, nr, argument)?;
    // SAFETY: the ioctl has just opened this descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(opened as libc::c_int) })
}

/// Calls an ioctl of KVM that takes a struct without pointers, or with pointers that the caller keeps alive.
fn transfer<T: Plain>(
    fd: BorrowedFd<'_>,
    direction: Direction,
    nr: u32,
    value: &mut T,
) -> io::Result<()> {
    let request = direction.number(nr, size_of::<T>());
    // SAFETY: the kernel reads and writes as many bytes as the number says, the size of the struct; `Plain` promises that
    // any bytes are a value, and `value` is alive until the call returns.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), request, ptr::from_mut(value)) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// /dev/kvm.
#[derive(Debug)]
pub(crate) struct Kvm {
    file: File,
}

impl Kvm {
    /// Opens it.
    pub(crate) fn open(path: &Path) -> io::Result<Kvm> {
        Ok(Kvm { file: File::options().read(true).write(true).open(path)? })
    }

    /// Returns the value of a capability; 0 where the kernel does not have it.
    pub(crate) fn capability(&self, number: u32) -> u32 {
        onereg::kvm::Kvm::over(&self.file).capability(number).unwrap_or(0)
    }

    /// Creates a VM (KVM_CREATE_VM).
    pub(crate) fn create_vm(&self) -> io::Result<Vm> {
        let run_size = call(self.file.as_fd(), 0x04, 0)?;
        Ok(Vm { fd: open(self.file.as_fd(), 0x01, 0)?, run_size: run_size as usize, page: None })
    }

    /// Returns the CPUID that KVM supports (KVM_GET_SUPPORTED_CPUID, x86).
    pub(crate) fn supported_cpuid(&self) -> io::Result<Box<Cpuid>> {
        let mut cpuid = Box::new(Cpuid {
            count: CPUID_ENTRIES as u32,
            padding: 0,
            entries: [CpuidEntry::default(); CPUID_ENTRIES],
        });
        let request = Direction::Both.number(0x05, 8);
        // SAFETY: KVM_GET_SUPPORTED_CPUID reads `count` and writes at most as many entries behind it, which the struct has.
        let result =
            unsafe { libc::ioctl(self.file.as_raw_fd(), request, ptr::from_mut(&mut *cpuid)) };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(cpuid) }
    }
}

impl AsFd for Kvm {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// A VM.
#[derive(Debug)]
pub(crate) struct Vm {
    fd: OwnedFd,
    run_size: usize,
    page: Option<Mapping>,
}

impl Vm {
    /// Creates a vCPU (KVM_CREATE_VCPU).
    pub(crate) fn create_vcpu(&self, index: u32) -> io::Result<Vcpu> {
        let fd = open(self.fd.as_fd(), 0x41, index.into())?;
        Ok(Vcpu { fd, run_size: self.run_size })
    }

    /// Enables a capability (KVM_ENABLE_CAP).
    pub(crate) fn enable(&self, cap: u32) -> io::Result<()> {
        enable(self.fd.as_fd(), cap)
    }

    /// Returns the value of a capability of this VM.
    pub(crate) fn capability(&self, number: u32) -> u32 {
        onereg::kvm::Kvm::over(&self.fd).capability(number).unwrap_or(0)
    }

    /// Creates the interrupt controllers of a PC (KVM_CREATE_IRQCHIP).
    pub(crate) fn create_irqchip(&self) -> io::Result<()> {
        call(self.fd.as_fd(), 0x60, 0).map(|_| ())
    }

    /// Returns the target that the host prefers (KVM_ARM_PREFERRED_TARGET).
    pub(crate) fn preferred_target(&self) -> io::Result<ArmVcpuInit> {
        let mut init = ArmVcpuInit::default();
        transfer(self.fd.as_fd(), Direction::Read, 0xaf, &mut init)?;
        Ok(init)
    }

    /// Creates a device (KVM_CREATE_DEVICE).
    pub(crate) fn create_device(&self, kind: u32) -> io::Result<Device> {
        let mut request = CreateDevice { kind, fd: 0, flags: 0 };
        transfer(self.fd.as_fd(), Direction::Both, 0xe0, &mut request)?;
        // SAFETY: the ioctl has just opened this descriptor, and nobody else knows it.
        Ok(Device { fd: unsafe { OwnedFd::from_raw_fd(request.fd as libc::c_int) } })
    }

    /// Gives the guest a page of memory with `code` at an offset in it (KVM_SET_USER_MEMORY_REGION, slot 0).
    pub(crate) fn add_page(
        &mut self,
        guest_address: u64,
        offset: usize,
        code: &[u8],
    ) -> io::Result<()> {
        const PAGE: usize = 0x1000;
        let mut page = Mapping::anonymous(PAGE)?;
        page.write(offset, code);
        let mut region = MemoryRegion {
            slot: 0,
            flags: 0,
            guest_address,
            size: PAGE as u64,
            host_address: page.address.as_ptr() as u64,
        };
        transfer(self.fd.as_fd(), Direction::Write, 0x46, &mut region)?;
        // The page stays mapped for as long as this VM, which alone runs vCPUs over it.
        self.page = Some(page);
        Ok(())
    }
}

impl AsFd for Vm {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// An in-kernel device.
#[derive(Debug)]
pub(crate) struct Device {
    fd: OwnedFd,
}

impl Device {
    /// Sets an attribute that is a number, or none (KVM_SET_DEVICE_ATTR).
    pub(crate) fn set(&self, group: u32, attr: u64, value: Option<u64>) -> io::Result<()> {
        set_attribute(self.fd.as_fd(), group, attr, value)
    }
}

/// A vCPU.
#[derive(Debug)]
pub(crate) struct Vcpu {
    fd: OwnedFd,
    run_size: usize,
}

impl Vcpu {
    /// Initialises it (KVM_ARM_VCPU_INIT).
    pub(crate) fn arm_init(&self, init: &ArmVcpuInit) -> io::Result<()> {
        transfer(self.fd.as_fd(), Direction::Write, 0xae, &mut { *init })
    }

    /// Finalizes a feature (KVM_ARM_VCPU_FINALIZE).
    pub(crate) fn arm_finalize(&self, feature: u32) -> io::Result<()> {
        transfer(self.fd.as_fd(), Direction::Write, 0xc2, &mut { feature })
    }

    /// Sets an attribute that is a number, or none (KVM_SET_DEVICE_ATTR).
    pub(crate) fn set(&self, group: u32, attr: u64, value: Option<u64>) -> io::Result<()> {
        set_attribute(self.fd.as_fd(), group, attr, value)
    }

    /// Gives it its CPUID (KVM_SET_CPUID2, x86).
    pub(crate) fn set_cpuid(&self, cpuid: &Cpuid) -> io::Result<()> {
        let request = Direction::Write.number(0x90, 8);
        // SAFETY: KVM_SET_CPUID2 reads `count` and as many entries behind it; `count` is what KVM_GET_SUPPORTED_CPUID
        // wrote, which is no more than the struct has.
        let result = unsafe { libc::ioctl(self.fd.as_raw_fd(), request, ptr::from_ref(cpuid)) };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Enables a capability (KVM_ENABLE_CAP).
    pub(crate) fn enable(&self, cap: u32) -> io::Result<()> {
        enable(self.fd.as_fd(), cap)
    }

    /// Runs it until it exits, or only as far as the kernel goes before it enters the guest (KVM_RUN); returns why it
    /// came back.
    pub(crate) fn run(&self, immediate_exit: bool) -> io::Result<u32> {
        const IMMEDIATE_EXIT: usize = 1;
        const EXIT_REASON: usize = 8;
        let mut shared = Mapping::of(self.fd.as_fd(), self.run_size)?;
        shared.write(IMMEDIATE_EXIT, &[u8::from(immediate_exit)]);
        call(self.fd.as_fd(), 0x80, 0)?;
        Ok(shared.read(EXIT_REASON))
    }
}

impl AsFd for Vcpu {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn enable(fd: BorrowedFd<'_>, cap: u32) -> io::Result<()> {
    let mut request = EnableCap { cap, flags: 0, args: [0; 4], pad: [0; 64] };
    transfer(fd, Direction::Write, 0xa3, &mut request)
}

fn set_attribute(fd: BorrowedFd<'_>, group: u32, attr: u64, value: Option<u64>) -> io::Result<()> {
    // No attribute that is set here has more than 8 bytes; those without a value ignore the address.
    let number = value.unwrap_or(0);
    let addr = value.map_or(0, |_| ptr::from_ref(&number) as u64);
    let mut request = DeviceAttr { flags: 0, group, attr, addr };
    transfer(fd, Direction::Write, 0xe1, &mut request)
}

/// Memory that is shared with the kernel.
#[derive(Debug)]
struct Mapping {
    address: NonNull<u8>,
    size: usize,
}

impl Mapping {
    fn anonymous(size: usize) -> io::Result<Mapping> {
        Mapping::map(-1, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, size)
    }

    /// Maps what a vCPU shares with this process.
    fn of(fd: BorrowedFd<'_>, size: usize) -> io::Result<Mapping> {
        Mapping::map(fd.as_raw_fd(), libc::MAP_SHARED, size)
    }

    fn map(fd: libc::c_int, flags: libc::c_int, size: usize) -> io::Result<Mapping> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: without an address the kernel chooses one, so the mapping replaces no other.
        let address = unsafe { libc::mmap(ptr::null_mut(), size, protection, flags, fd, 0) };
        match NonNull::new(address.cast::<u8>()) {
            Some(start) if address != libc::MAP_FAILED => Ok(Mapping { address: start, size }),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Writes bytes that fit behind `offset`.
    fn write(&mut self, offset: usize, bytes: &[u8]) {
        let room = self.size.saturating_sub(offset);
        for (index, byte) in bytes.iter().take(room).enumerate() {
            // SAFETY: the mapping has `size` writable bytes, and `offset + index` is below. Volatile, because the kernel
            // reads them too.
            unsafe { self.address.as_ptr().add(offset + index).write_volatile(*byte) };
        }
    }

    /// Reads a number at `offset`; 0 where it does not fit.
    fn read(&self, offset: usize) -> u32 {
        let mut bytes = [0; 4];
        if offset + bytes.len() <= self.size {
            for (index, byte) in bytes.iter_mut().enumerate() {
                // SAFETY: the mapping has `size` readable bytes, and `offset + index` is below. Volatile, because the
                // kernel writes them too.
                *byte = unsafe { self.address.as_ptr().add(offset + index).read_volatile() };
            }
        }
        u32::from_ne_bytes(bytes)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is this one's alone; nothing borrows from it.
        unsafe { libc::munmap(self.address.as_ptr().cast(), self.size) };
    }
}

/// Returns the release of the running kernel: `6.12.107`.
pub(crate) fn kernel_release() -> io::Result<String> {
    // SAFETY: `utsname` is arrays of characters, for which zeros are a value.
    let mut name: libc::utsname = unsafe { std::mem::zeroed() };
    // SAFETY: uname writes the struct, which is alive until the call returns.
    if unsafe { libc::uname(&raw mut name) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let bytes = name.release.iter().map(|character| *character as u8);
    let bytes: Vec<u8> = bytes.take_while(|byte| *byte != 0).collect();
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Returns what the processor can do, in the kernel's bits (AT_HWCAP).
pub(crate) fn hardware_capabilities() -> u64 {
    // SAFETY: getauxval reads a vector that the kernel gave this process; it has no preconditions.
    unsafe { libc::getauxval(libc::AT_HWCAP) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structs_have_the_sizes_of_the_uapi_headers() {
        let sizes = [
            (size_of::<ArmVcpuInit>(), 32),
            (size_of::<EnableCap>(), 104),
            (size_of::<MemoryRegion>(), 32),
            (size_of::<DeviceAttr>(), 24),
            (size_of::<CreateDevice>(), 12),
            (size_of::<CpuidEntry>(), 40),
        ];
        assert!(sizes.iter().all(|(ours, kernels)| ours == kernels), "{sizes:?}");
    }
}
