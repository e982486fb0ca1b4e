//! What connects a device in this program to the vCPUs: their interrupts, and events for their writes.

use std::sync::Arc;

use kvm_bindings::{KVM_MSI_VALID_DEVID, kvm_msi};
use kvm_ioctls::{IoEventAddress, NoDatamatch, VmFd};
use vmm_sys_util::eventfd::EventFd;

/// An interrupt that is a write to memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Message {
    /// Who sends it, where the interrupt controller tells its senders apart.
    pub(super) sender: u32,
    pub(super) address: u64,
    pub(super) data: u32,
}

/// A place in memory whose writes are events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bell {
    pub(super) address: u64,
    /// The value that counts, of 32 bits; without one, everything does.
    pub(super) value: Option<u32>,
}

/// The way to a machine's interrupt controller, and from its memory.
pub(super) trait Wires: Send + Sync {
    /// Raises and lowers an input of the interrupt controller.
    fn pulse(&self, line: u32);

    /// Sends a message. One that the guest has set up wrongly is lost.
    fn send(&self, message: Message);

    /// Signals the event when the guest writes there; where that cannot be, the write comes to the device as others do.
    fn connect(&self, bell: Bell, event: &EventFd);

    /// Undoes [`Wires::connect`].
    fn disconnect(&self, bell: Bell, event: &EventFd);
}

/// The wires of a VM.
pub(super) struct VmWires(pub(super) Arc<VmFd>);

impl Wires for VmWires {
    fn pulse(&self, line: u32) {
        // KVM refuses only lines that no machine has.
        let _ = self.0.set_irq_line(line, true).and_then(|()| self.0.set_irq_line(line, false));
    }

    fn send(&self, message: Message) {
        let msi = kvm_msi {
            address_lo: message.address as u32,
            address_hi: (message.address >> 32) as u32,
            data: message.data,
            flags: KVM_MSI_VALID_DEVID,
            devid: message.sender,
            ..Default::default()
        };
        let _ = self.0.signal_msi(msi);
    }

    fn connect(&self, bell: Bell, event: &EventFd) {
        let address = IoEventAddress::Mmio(bell.address);
        let _ = match bell.value {
            Some(value) => self.0.register_ioevent(event, &address, value),
            None => self.0.register_ioevent(event, &address, NoDatamatch),
        };
    }

    fn disconnect(&self, bell: Bell, event: &EventFd) {
        let address = IoEventAddress::Mmio(bell.address);
        let _ = match bell.value {
            Some(value) => self.0.unregister_ioevent(event, &address, value),
            None => self.0.unregister_ioevent(event, &address, NoDatamatch),
        };
    }
}
