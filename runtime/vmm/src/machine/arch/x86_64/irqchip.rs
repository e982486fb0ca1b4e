//! The interrupt controllers: local APICs and an IO-APIC, both in the kernel.

use crate::failure::Failure;
use crate::machine::vcpu::Vcpu;
use crate::machine::vm::{Vm, describe};

/// Registers of the local APICs and of the IO-APIC.
pub(super) const LOCAL_APIC: u32 = 0xfee0_0000;
pub(super) const IO_APIC: u32 = 0xfec0_0000;

/// Pages that KVM takes on some CPUs, where no memory and no device is.
const IDENTITY_MAP: u64 = 0xfffb_c000;
const TASK_STATE: usize = 0xfffb_d000;

/// Most vCPUs that the tables can describe: the numbers of their APICs have 8 bits, of which one means all.
const CPUS_MAX: u16 = 255;

/// The interrupt controllers of a VM.
pub(crate) struct Irqchip;

impl Irqchip {
    /// Creates the controllers of that many vCPUs, which come next.
    pub(crate) fn new(vm: &Vm, cpus: u16) -> Result<Irqchip, Failure> {
        if CPUS_MAX < cpus {
            return Err(Failure::new(format!(
                "cannot give Linux {cpus} vCPUs: {CPUS_MAX} are the most, give fewer with --cpus"
            )));
        }
        let created = vm
            .fd()
            .set_identity_map_address(IDENTITY_MAP)
            .and_then(|()| vm.fd().set_tss_address(TASK_STATE))
            .and_then(|()| vm.fd().create_irq_chip());
        created.map_err(|error| {
            Failure::new(format!(
                "cannot create the interrupt controllers (KVM_CREATE_IRQCHIP): {}",
                describe(error)
            ))
        })?;
        Ok(Irqchip)
    }

    /// Leaves the controllers as they are: they know the vCPUs.
    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "other architectures do more"
    )]
    pub(crate) fn complete(&mut self, _vcpus: &[Vcpu]) -> Result<(), Failure> {
        Ok(())
    }
}
