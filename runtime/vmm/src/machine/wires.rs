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
    /// Says whether the interrupt controller takes messages: one that does not has only inputs.
    fn takes_messages(&self) -> bool;

    /// Raises an input of the interrupt controller.
    fn raise(&self, line: u32);

    /// Lowers it again.
    fn lower(&self, line: u32);

    /// Sends a message. One that the guest has set up wrongly is lost.
    fn send(&self, message: Message);

    /// Signals the event when the guest writes there; where that cannot be, the write comes to the device as others do.
    fn connect(&self, bell: Bell, event: &EventFd);

    /// Undoes [`Wires::connect`].
    fn disconnect(&self, bell: Bell, event: &EventFd);
}

/// An input of a machine's interrupt controller.
pub(super) struct Line {
    wires: Arc<dyn Wires>,
    number: u32,
}

impl Line {
    pub(super) fn new(wires: Arc<dyn Wires>, number: u32) -> Line {
        Line { wires, number }
    }

    pub(super) fn raise(&self) {
        self.wires.raise(self.number);
    }

    pub(super) fn lower(&self) {
        self.wires.lower(self.number);
    }
}

/// The wires of a VM whose interrupt controllers are in the kernel.
pub(super) struct VmWires(pub(super) Arc<VmFd>);

impl Wires for VmWires {
    fn takes_messages(&self) -> bool {
        true
    }

    /// Raises and lowers the input: guests are told that it has edges. (An irqfd would do both in one call, but on riscv
    /// it only raises: KVM injects it in `kvm_arch_set_irq_inatomic`, which ignores the end of a level.)
    fn raise(&self, line: u32) {
        // KVM refuses only lines that no machine has.
        let _ = self.0.set_irq_line(line, true).and_then(|()| self.0.set_irq_line(line, false));
    }

    fn lower(&self, _: u32) {}

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
