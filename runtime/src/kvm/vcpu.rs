//! The registers of a vCPU.

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, BorrowedFd};

use super::system::Kvm;
use super::{carriers, groups, ioctl, msrs};
use crate::bulk::Report;
use crate::error::{Error, ErrorKind, Operation};
use crate::msr;
use crate::plan::Plan;
use crate::register::{Arch, Place};
use crate::registers::{Host, Registers};
use crate::table::{Carrier, Scope};

/// A vCPU of architecture `A`, by its borrowed file descriptor.
///
/// A register costs one ioctl: KVM_GET_ONE_REG or KVM_SET_ONE_REG, or the one whose struct holds it, which a write reads
/// before. Where the kernel does not take the id of an MSR, as x86 did not before Linux 6.18, the register crosses by
/// KVM_GET_MSRS or KVM_SET_MSRS. Bulk calls take those two for all MSRs, and one ioctl per struct: registers that cross
/// together do so at the place of the first of them in the plan.
///
/// ```no_run
/// use onereg::x86::{EFER, RIP};
/// use onereg::{Registers, X86, kvm::Vcpu};
///
/// # fn example(vcpu_fd: std::os::fd::OwnedFd) -> Result<(), onereg::Error> {
/// let vcpu = Vcpu::<X86>::over(&vcpu_fd);
/// println!("{}", vcpu.get(EFER)?);
/// vcpu.update(RIP, |rip| rip + 2)?;
/// # Ok(())
/// # }
/// ```
pub struct Vcpu<'fd, A> {
    fd: BorrowedFd<'fd>,
    vm: Option<BorrowedFd<'fd>>,
    vlenb: u16,
    arch: PhantomData<fn() -> A>,
}

impl<'fd, A: Arch> Vcpu<'fd, A> {
    /// Adopts the file descriptor of a vCPU.
    ///
    /// On RISC-V this reads the length of the vector registers: a vCPU whose V extension is switched on later has to be
    /// adopted again. Of a type that gives its descriptor as a mere number, as `kvm_ioctls::VcpuFd` does, make a
    /// [`BorrowedFd`] first.
    pub fn over(fd: &'fd impl AsFd) -> Self {
        let fd = fd.as_fd();
        Vcpu { fd, vm: None, vlenb: vlenb::<A>(fd), arch: PhantomData }
    }

    /// Adopts the file descriptor of the vCPU's VM too, whose ioctls carry registers of the whole VM (x86: kvmclock).
    ///
    /// Without it these are [absent](ErrorKind::Absent).
    pub fn within(self, vm: &'fd impl AsFd) -> Self {
        Vcpu { vm: Some(vm.as_fd()), ..self }
    }

    /// Reads the register with a raw 64-bit id by KVM_GET_ONE_REG.
    ///
    /// # Errors
    ///
    /// Returns the register, and why: [`ErrorKind::Size`] when `buffer` is not as long as the id says.
    pub fn get_raw(&self, id: u64, buffer: &mut [u8]) -> Result<(), Error> {
        self.read_bytes(Place::OneReg(id), buffer)
    }

    /// Writes the register with a raw 64-bit id by KVM_SET_ONE_REG.
    ///
    /// # Errors
    ///
    /// Returns the register, and why: [`ErrorKind::Size`] when `bytes` is not as long as the id says.
    pub fn set_raw(&self, id: u64, bytes: &[u8]) -> Result<(), Error> {
        self.write_bytes(Place::OneReg(id), bytes)
    }

    /// Returns the ids of the registers that the vCPU has, as far as the kernel lists them (KVM_GET_REG_LIST).
    ///
    /// powerpc, s390 and loongarch have no such list; that of x86 lacks the MSRs, which
    /// [`Kvm::msr_list`](super::Kvm::msr_list) gives.
    ///
    /// # Errors
    ///
    /// Returns the error of the ioctl.
    pub fn reg_list(&self) -> io::Result<Vec<u64>> {
        ioctl::reg_list(self.fd)
    }

    /// Returns the ids that the kernel lists of this vCPU, from KVM_GET_REG_LIST and, on x86, from both lists of MSRs of
    /// `system`, which is /dev/kvm; `None` where the kernel has no list, and a table has to do.
    ///
    /// # Errors
    ///
    /// Returns the error of an ioctl that the kernel has.
    pub fn listed_ids(&self, system: &Kvm<'_>) -> io::Result<Option<Vec<u64>>> {
        let is_x86 = A::TABLE.name == "x86";
        let mut ids = match self.reg_list() {
            Ok(ids) => Some(ids),
            // Before Linux 6.18 (x86) and 6.6 (riscv), and on the architectures without a list.
            Err(error) if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOTTY)) => {
                is_x86.then(Vec::new)
            }
            Err(error) => return Err(error),
        };
        if let Some(ids) = ids.as_mut().filter(|_| is_x86) {
            ids.extend(system.msr_list()?);
            ids.extend(system.msr_feature_list()?);
        }
        Ok(ids)
    }
}

/// Reads the length of the vector registers in bytes; 1 where the architecture or the vCPU has none.
#[cfg(feature = "riscv")]
fn vlenb<A: Arch>(fd: BorrowedFd<'_>) -> u16 {
    if A::CODE != crate::Riscv::CODE {
        return 1;
    }
    let vcpu = Vcpu { fd, vm: None, vlenb: 1, arch: PhantomData };
    match vcpu.get(crate::riscv::VLENB) {
        Ok(bytes)
            if (1..=crate::Vlenb::MAX as u64).contains(&bytes.bits())
                && bytes.bits().is_power_of_two() =>
        {
            bytes.bits() as u16
        }
        _ => 1,
    }
}

/// Returns 1: no architecture of this build has vector registers whose length the host decides.
#[cfg(not(feature = "riscv"))]
fn vlenb<A: Arch>(_: BorrowedFd<'_>) -> u16 {
    1
}

impl<A: Arch> Registers<A> for Vcpu<'_, A> {
    #[inline]
    fn read_bytes(&self, place: Place, buffer: &mut [u8]) -> Result<(), Error> {
        let Some(id) = place.id(self.host()) else { return self.read_struct(place, buffer) };
        ioctl::get_one_reg(self.fd, id, buffer)
            .or_else(|failed| Self::read_otherwise((self.fd, self.vlenb), id, buffer, failed))
    }

    #[inline]
    fn write_bytes(&self, place: Place, bytes: &[u8]) -> Result<(), Error> {
        let Some(id) = place.id(self.host()) else { return self.write_struct(place, bytes) };
        ioctl::set_one_reg(self.fd, id, bytes)
            .or_else(|failed| Self::write_otherwise((self.fd, self.vlenb), id, bytes, failed))
    }

    #[inline]
    fn host(&self) -> Host {
        Host { xlen: size_of::<usize>() as u8, vlenb: self.vlenb }
    }

    fn read_many_bytes(
        &self,
        plan: &Plan,
        buffer: &mut [u8],
        report: &mut Report,
    ) -> ControlFlow<()> {
        groups::read(self, plan, buffer, report)
    }

    fn write_many_bytes(&self, plan: &Plan, buffer: &[u8], report: &mut Report) -> ControlFlow<()> {
        groups::write(self, plan, buffer, report)
    }

    fn read_block(&self, carrier: &'static Carrier, bytes: &mut Vec<u8>) -> Result<(), Error> {
        self.fd_of(carrier)
            .and_then(|fd| ioctl::get_block(fd, carrier, bytes))
            .map_err(|kind| Error::of_block::<A>(Operation::Get, carrier, self.host(), kind))
    }

    fn write_block(&self, carrier: &'static Carrier, bytes: &[u8]) -> Result<(), Error> {
        self.fd_of(carrier)
            .and_then(|fd| ioctl::set_block(fd, carrier, bytes))
            .map_err(|kind| Error::of_block::<A>(Operation::Set, carrier, self.host(), kind))
    }
}

impl<A: Arch> Vcpu<'_, A> {
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.fd
    }

    /// Returns the file descriptor that takes the ioctls of `carrier`.
    pub(super) fn fd_of(&self, carrier: &Carrier) -> Result<BorrowedFd<'_>, ErrorKind> {
        match carrier.scope {
            Scope::Vcpu => Ok(self.fd),
            Scope::Vm => self.vm.ok_or(ErrorKind::Absent),
        }
    }

    pub(super) fn error(&self, operation: Operation, place: Place, kind: ErrorKind) -> Error {
        Error::new::<A>(operation, place, self.host(), kind)
    }

    /// Returns the place with this id: the one of the table, where it has one.
    fn place(&self, id: u64) -> Place {
        let place = A::TABLE.by_id(id).map(|info| info.place);
        place.filter(|place| place.id(self.host()) == Some(id)).unwrap_or(Place::OneReg(id))
    }

    /// Reads a register that has no id.
    fn read_struct(&self, place: Place, buffer: &mut [u8]) -> Result<(), Error> {
        let result = carriers::carrier(place)
            .and_then(|carrier| carriers::read(self.fd_of(carrier)?, carrier, place, buffer));
        result.map_err(|kind| self.error(Operation::Get, place, kind))
    }

    /// Writes a register that has no id.
    fn write_struct(&self, place: Place, bytes: &[u8]) -> Result<(), Error> {
        let result = carriers::carrier(place)
            .and_then(|carrier| carriers::write(self.fd_of(carrier)?, carrier, place, bytes));
        result.map_err(|kind| self.error(Operation::Set, place, kind).with_value(bytes))
    }

    /// Reads a register after KVM_GET_ONE_REG failed: an MSR by KVM_GET_MSRS; of others it returns the error.
    ///
    /// By parts of the vCPU: a reference would have the caller keep it in memory also when nothing fails.
    #[cold]
    #[inline(never)]
    fn read_otherwise(
        (fd, vlenb): (BorrowedFd<'_>, u16),
        id: u64,
        buffer: &mut [u8],
        failed: ioctl::Failed,
    ) -> Result<(), Error> {
        let result = match (failed.kind(buffer.len()), msr::index(id)) {
            (ErrorKind::Errno(libc::EINVAL), Some(index)) => msrs::read_one(fd, index, buffer),
            (kind, _) => Err(kind),
        };
        let vcpu = Vcpu::<A> { fd, vm: None, vlenb, arch: PhantomData };
        result.map_err(|kind| vcpu.error(Operation::Get, vcpu.place(id), kind))
    }

    /// Writes a register after KVM_SET_ONE_REG failed: an MSR by KVM_SET_MSRS; of others it returns the error.
    #[cold]
    #[inline(never)]
    fn write_otherwise(
        (fd, vlenb): (BorrowedFd<'_>, u16),
        id: u64,
        bytes: &[u8],
        failed: ioctl::Failed,
    ) -> Result<(), Error> {
        let result = match (failed.kind(bytes.len()), msr::index(id)) {
            (ErrorKind::Errno(libc::EINVAL), Some(index)) => msrs::write_one(fd, index, bytes),
            (kind, _) => Err(kind),
        };
        let vcpu = Vcpu::<A> { fd, vm: None, vlenb, arch: PhantomData };
        result.map_err(|kind| vcpu.error(Operation::Set, vcpu.place(id), kind).with_value(bytes))
    }
}

impl<A> Clone for Vcpu<'_, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for Vcpu<'_, A> {}

impl<A: Arch> fmt::Debug for Vcpu<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vcpu({}, {:?})", A::TABLE.name, self.fd)
    }
}
