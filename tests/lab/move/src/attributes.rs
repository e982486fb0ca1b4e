//! Attributes of devices in the kernel, which have the state of the interrupt controllers.

// UNSAFETY: the KVM crate leaves it to its caller where the value of an attribute goes.
#![expect(unsafe_code, reason = "KVM_GET_DEVICE_ATTR writes to an address")]

use kvm_bindings::kvm_device_attr;
use kvm_ioctls::DeviceFd;

use super::vm::describe;
use crate::failure::Failure;

/// An attribute and its value, whose lower half is all of it where it has 32 bits.
#[derive(Clone, Copy)]
pub(super) struct Attribute {
    pub(super) group: u32,
    pub(super) number: u64,
    pub(super) value: u64,
}

impl Attribute {
    /// Reads an attribute of a device.
    pub(super) fn get(device: &DeviceFd, group: u32, number: u64) -> Result<Attribute, Failure> {
        let mut value = 0_u64;
        let addr = (&raw mut value).expose_provenance() as u64;
        let mut attr = kvm_device_attr { group, attr: number, addr, flags: 0 };
        // SAFETY: attributes of interrupt controllers have at most 64 bits, which the value has; it outlives the call.
        let got = unsafe { device.get_device_attr(&mut attr) };
        got.map_err(|error| fail("read", "KVM_GET_DEVICE_ATTR", &attr, error))?;
        Ok(Attribute { group, number, value })
    }

    /// Gives a device the attribute.
    pub(super) fn set(&self, device: &DeviceFd) -> Result<(), Failure> {
        let Attribute { group, number, value } = self;
        let addr = (&raw const *value).expose_provenance() as u64;
        let attr = kvm_device_attr { group: *group, attr: *number, addr, flags: 0 };
        let set = device.set_device_attr(&attr);
        set.map_err(|error| fail("restore", "KVM_SET_DEVICE_ATTR", &attr, error))
    }
}

fn fail(what: &str, call: &str, attr: &kvm_device_attr, error: kvm_ioctls::Error) -> Failure {
    Failure::new(format!(
        "cannot {what} an interrupt controller ({call}, group {}, attribute {:#x}): {}",
        attr.group,
        attr.attr,
        describe(error)
    ))
}
