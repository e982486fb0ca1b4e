//! Registers that other ioctls carry: their place in the ioctl's struct, and the ioctls themselves.

use std::collections::BTreeSet;

use onereg_codegen::model::{Arch, Carrier, Host};

use crate::kernel::Kernel;

/// A register in a struct: name, carrier, offset in bytes, width in bits.
pub(super) type ViaFact = (String, String, u64, u64);

/// Compares the rows with a carrier and `facts`, both ways, and the carriers with the uapi headers.
///
/// # Errors
///
/// Says what does not compile.
pub(super) fn differences(
    arch: &Arch,
    facts: &[ViaFact],
    kernel: &Kernel,
) -> Result<Vec<String>, String> {
    let rows: BTreeSet<ViaFact> = rows(arch).collect();
    let facts: BTreeSet<ViaFact> = facts.iter().cloned().collect();
    let missing = facts.difference(&rows).map(|fact| format!("{}: not in the tables", place(fact)));
    let unproven = rows.difference(&facts).map(|row| format!("{}: not in Linux", place(row)));
    let mut found: Vec<String> = missing.chain(unproven).collect();
    for carrier in &arch.carriers {
        found.extend(wrong_carrier(carrier, &arch.name, kernel)?);
    }
    Ok(found)
}

fn rows(arch: &Arch) -> impl Iterator<Item = ViaFact> {
    let carried = arch.registers.iter().filter_map(|register| Some((register, register.via?)));
    carried.flat_map(|(register, carrier)| {
        let carrier = &arch.carriers[carrier].name;
        let width = u64::from(register.width.bits(Host::default()));
        (0..register.name.count()).map(move |index| {
            let offset = register.number + register.stride * u64::from(index);
            (register.name.member(index), carrier.clone(), offset, width)
        })
    })
}

fn place((name, carrier, offset, width): &ViaFact) -> String {
    format!("{name}, {width} bits at byte {offset} of {carrier}")
}

fn wrong_carrier(carrier: &Carrier, arch: &str, kernel: &Kernel) -> Result<Option<String>, String> {
    let ioctls = || [Some(&carrier.get), carrier.set.as_ref()].into_iter().flatten();
    let size = format!("sizeof(struct {})", carrier.structure);
    let numbers = ioctls().map(|ioctl| format!("_IOC_NR({})", ioctl.name));
    let expressions: Vec<String> = [size].into_iter().chain(numbers).collect();
    let kernels = kernel.c_values(arch, "#include <linux/kvm.h>", &expressions)?;
    let ours =
        [u64::from(carrier.size)].into_iter().chain(ioctls().map(|ioctl| u64::from(ioctl.nr)));
    let ours: Vec<u64> = ours.collect();
    let name = &carrier.name;
    Ok((ours != kernels).then(|| {
        format!(
            "carrier {name}: {} are {kernels:?} in Linux, {ours:?} in the tables",
            expressions.join(", ")
        )
    }))
}
