//! Attributes of devices in the kernel: the interrupt controllers of arm64 and riscv.

use kvm_bindings::{kvm_create_device, kvm_device_attr};
use kvm_ioctls::{DeviceFd, VmFd};

use crate::failure::Failure;
use crate::machine::vm::describe;

/// A device in the kernel, by the name that errors have for it.
pub(crate) struct Device {
    name: &'static str,
    /// Its descriptor, for what is not done here.
    pub(crate) fd: DeviceFd,
}

impl Device {
    /// Creates a device of that type; `None` where this host has none.
    pub(super) fn create(vm: &VmFd, name: &'static str, kind: u32) -> Option<Device> {
        let mut device = kvm_create_device { type_: kind, ..Default::default() };
        vm.create_device(&mut device).ok().map(|fd| Device { name, fd })
    }

    /// Sets an attribute of 64 bits.
    pub(super) fn set(&self, group: u32, attribute: u64, value: u64) -> Result<(), Failure> {
        self.set_at(group, attribute, (&raw const value).addr())
    }

    /// Sets an attribute of 32 bits.
    pub(super) fn set_u32(&self, group: u32, attribute: u64, value: u32) -> Result<(), Failure> {
        self.set_at(group, attribute, (&raw const value).addr())
    }

    /// Does what an attribute without a value stands for.
    pub(super) fn act(&self, group: u32, attribute: u64) -> Result<(), Failure> {
        self.set_at(group, attribute, 0)
    }

    fn set_at(&self, group: u32, attribute: u64, address: usize) -> Result<(), Failure> {
        let attr = kvm_device_attr { group, attr: attribute, addr: address as u64, flags: 0 };
        self.fd.set_device_attr(&attr).map_err(|error| {
            Failure::new(format!(
                "cannot set up the {} (KVM_SET_DEVICE_ATTR, group {group}, attribute {attribute}): {}",
                self.name,
                describe(error)
            ))
        })
    }
}
