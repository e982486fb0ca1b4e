//! A VM with one vCPU, and what the kernel lists of it.

use std::io;

use onereg::kvm::Vcpu as Registers;
use onereg::{Error, Info, Listed, Registers as _};

use crate::arch::{self, Configuration, Host};
use crate::facts::Facts;
use crate::failure::Failure;
use crate::system::{Device, Kvm, Vcpu, Vm};

/// A VM with one vCPU.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) vcpu: Vcpu,
    /// In-kernel devices, which live as long as the VM.
    pub(crate) _devices: Vec<Device>,
    pub(crate) vm: Vm,
}

impl Machine {
    /// Gives access to the registers, whose widths are those of now.
    pub(crate) fn registers(&self) -> Registers<'_, Host> {
        Registers::over(&self.vcpu).within(&self.vm)
    }
}

/// Ids that an ioctl lists.
#[derive(Debug)]
pub(crate) struct List {
    /// The ioctl.
    pub(crate) which: Listed,
    /// What it lists.
    pub(crate) ids: Vec<u64>,
    /// What is known of what it lists: the vCPU, or all vCPUs of the host.
    pub(crate) facts: Facts,
}

/// Creates a VM with a complete vCPU.
pub(crate) fn create(kvm: &Kvm, configuration: &Configuration) -> Result<Machine, Failure> {
    let machine = arch::create(kvm, configuration)?;
    arch::finalize(&machine, configuration)?;
    Ok(machine)
}

/// Creates a VM.
pub(crate) fn create_vm(kvm: &Kvm) -> Result<Vm, Failure> {
    kvm.create_vm().map_err(Failure::step("create a VM (KVM_CREATE_VM)"))
}

/// Creates a vCPU.
pub(crate) fn create_vcpu(vm: &Vm, index: u32) -> Result<Vcpu, Failure> {
    vm.create_vcpu(index).map_err(Failure::step("create a vCPU (KVM_CREATE_VCPU)"))
}

/// Reads the bytes of a register.
pub(crate) fn read_value(machine: &Machine, info: &Info) -> Result<Vec<u8>, Error> {
    let registers = machine.registers();
    let mut value = vec![0; info.place.size(registers.host())];
    registers.read_bytes(info.place, &mut value).map(|()| value)
}

/// Runs a vCPU only as far as the kernel goes before it enters the guest.
pub(crate) fn touch(machine: &Machine) -> io::Result<()> {
    match machine.vcpu.run(true) {
        Err(error) if error.raw_os_error() == Some(libc::EINTR) => Ok(()),
        other => other.map(|_| ()),
    }
}
