//! The interrupt controllers: in the kernel where it has an AIA, else a PLIC in this program.

use std::sync::Arc;

use vm_fdt::{Error, FdtWriter};
use vmm_sys_util::eventfd::EventFd;

use super::super::plic::{Output, Plic, SOURCES};
use super::aia::Aia;
use super::external::External;
use crate::failure::Failure;
use crate::machine::bus::{Bus, Devices, Slot};
use crate::machine::vcpu::Vcpu;
use crate::machine::vm::Vm;
use crate::machine::wires::{Bell, Message, VmWires, Wires};

/// Handles of nodes that others refer to: the controller that devices are connected to, the one that messages go to; the
/// harts' own follow.
pub(super) const HANDLE: u32 = 1;
pub(super) const MESSAGES_HANDLE: u32 = 2;
pub(super) const FIRST_HART_HANDLE: u32 = 3;

/// Number of the supervisor's external interrupt in a hart.
const SUPERVISOR_EXTERNAL: u32 = 9;

/// How an interrupt is signalled, in an APLIC's cells.
const EDGE_RISING: u32 = 1;

/// First register of the PLIC.
const PLIC: u64 = 0xc00_0000;

/// The interrupt controllers of a VM.
pub(crate) enum Irqchip {
    Aia(Aia),
    Plic(Arc<Plic>),
}

impl Irqchip {
    /// Creates the controllers of that many vCPUs, which come next.
    pub(crate) fn new(vm: &Vm, cpus: u16) -> Result<Irqchip, Failure> {
        if let Some(aia) = Aia::new(vm, cpus)? {
            return Ok(Irqchip::Aia(aia));
        }
        log::info!("this host offers no AIA: the guest gets a PLIC");
        Ok(Irqchip::Plic(Arc::new(Plic::new())))
    }

    /// Finishes the controllers, now that the vCPUs are there.
    pub(crate) fn complete(&mut self, vcpus: &[Vcpu]) -> Result<(), Failure> {
        match self {
            Irqchip::Aia(aia) => aia.complete(vcpus.len() as u64),
            Irqchip::Plic(plic) => {
                let output = |vcpu: &Vcpu| {
                    let external = External::of(vcpu)?;
                    Ok(Box::new(move |is_raised| external.set(is_raised)) as Output)
                };
                let outputs: Vec<_> = vcpus.iter().map(output).collect::<Result<_, Failure>>()?;
                plic.connect(outputs);
                Ok(())
            }
        }
    }

    /// Returns what devices reach the guest by.
    pub(super) fn wires(&self, vm: VmWires) -> Arc<dyn Wires> {
        match self {
            Irqchip::Aia(_) => Arc::new(vm),
            Irqchip::Plic(plic) => Arc::new(PlicWires { plic: Arc::clone(plic), vm }),
        }
    }

    /// Adds the registers that are not in the kernel.
    pub(super) fn attach(&self, devices: &mut Devices) {
        if let Irqchip::Plic(plic) = self {
            let slot = Slot { bus: Bus::Memory, address: PLIC, length: plic.length() };
            devices.attach(slot, Arc::<Plic>::clone(plic));
        }
    }

    /// Names an input: the handle of its controller, and cells.
    pub(super) fn interrupt(&self, input: u32) -> Vec<u32> {
        match self {
            Irqchip::Aia(_) => vec![HANDLE, input, EDGE_RISING],
            Irqchip::Plic(_) => vec![HANDLE, input],
        }
    }

    /// Says where PCI's messages go, if they can be sent: a property and its value.
    pub(super) fn messages(&self) -> Option<(&'static str, &'static [u32])> {
        match self {
            Irqchip::Aia(_) => Some(("msi-parent", &[MESSAGES_HANDLE])),
            Irqchip::Plic(_) => None,
        }
    }

    /// Describes the controllers of that many harts.
    pub(super) fn describe(&self, tree: &mut FdtWriter, count: u32) -> Result<(), Error> {
        match self {
            Irqchip::Aia(aia) => aia.describe(tree, count),
            Irqchip::Plic(plic) => describe_plic(tree, plic, count),
        }
    }
}

/// Lists the external interrupts of that many harts.
pub(super) fn external_interrupts(count: u32) -> Vec<u32> {
    (0..count).flat_map(|hart| [FIRST_HART_HANDLE + hart, SUPERVISOR_EXTERNAL]).collect()
}

fn describe_plic(tree: &mut FdtWriter, plic: &Plic, count: u32) -> Result<(), Error> {
    let node = tree.begin_node(&format!("interrupt-controller@{PLIC:x}"))?;
    let kinds = ["sifive,plic-1.0.0", "riscv,plic0"].map(ToOwned::to_owned);
    tree.property_string_list("compatible", kinds.to_vec())?;
    tree.property_array_u64("reg", &[PLIC, plic.length()])?;
    tree.property_null("interrupt-controller")?;
    tree.property_u32("#address-cells", 0)?;
    tree.property_u32("#interrupt-cells", 1)?;
    tree.property_u32("riscv,ndev", SOURCES)?;
    tree.property_array_u32("interrupts-extended", &external_interrupts(count))?;
    tree.property_phandle(HANDLE)?;
    tree.end_node(node)
}

/// The wires of a VM whose interrupt controller is in this program.
struct PlicWires {
    plic: Arc<Plic>,
    vm: VmWires,
}

impl Wires for PlicWires {
    fn takes_messages(&self) -> bool {
        false
    }

    fn raise(&self, line: u32) {
        self.plic.raise(line);
    }

    fn lower(&self, line: u32) {
        self.plic.lower(line);
    }

    fn send(&self, _: Message) {}

    fn connect(&self, bell: Bell, event: &EventFd) {
        self.vm.connect(bell, event);
    }

    fn disconnect(&self, bell: Bell, event: &EventFd) {
        self.vm.disconnect(bell, event);
    }
}
