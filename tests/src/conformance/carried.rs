//! Registers that other ioctls carry, of every architecture but x86: the members of their structs.

use super::carriers::ViaFact;
use crate::kernel::Kernel;

/// A register, or a family that is an array: carrier, struct, name, member (with `[]` where the index is not at its end), how
/// many.
type Member = (&'static str, &'static str, &'static str, &'static str, usize);

const MP_STATE: Member = ("mp_state", "kvm_mp_state", "MP_STATE", "mp_state", 1);

/// The registers by architecture; their names are the manuals', but for those that the kernel defines.
const MEMBERS: &[(&str, &[Member])] = &[
    (
        "arm64",
        &[
            MP_STATE,
            ("events", "kvm_vcpu_events", "SERROR_PENDING", "exception.serror_pending", 1),
            ("events", "kvm_vcpu_events", "SERROR_HAS_ESR", "exception.serror_has_esr", 1),
            ("events", "kvm_vcpu_events", "EXT_DABT_PENDING", "exception.ext_dabt_pending", 1),
            ("events", "kvm_vcpu_events", "SERROR_ESR", "exception.serror_esr", 1),
        ],
    ),
    (
        "loongarch",
        &[
            ("regs", "kvm_regs", "GPR", "gpr", 32),
            ("regs", "kvm_regs", "PC", "pc", 1),
            ("fpu", "kvm_fpu", "FCSR", "fcsr", 1),
            ("fpu", "kvm_fpu", "FCC", "fcc", 1),
            ("fpu", "kvm_fpu", "FPR", "fpr", 32),
            MP_STATE,
        ],
    ),
    (
        "powerpc",
        &[
            ("regs", "kvm_regs", "PC", "pc", 1),
            ("regs", "kvm_regs", "CR", "cr", 1),
            ("regs", "kvm_regs", "CTR", "ctr", 1),
            ("regs", "kvm_regs", "LR", "lr", 1),
            ("regs", "kvm_regs", "XER", "xer", 1),
            ("regs", "kvm_regs", "MSR", "msr", 1),
            ("regs", "kvm_regs", "SRR0", "srr0", 1),
            ("regs", "kvm_regs", "SRR1", "srr1", 1),
            ("regs", "kvm_regs", "REGS_PID", "pid", 1),
            ("regs", "kvm_regs", "SPRG0", "sprg0", 1),
            ("regs", "kvm_regs", "SPRG1", "sprg1", 1),
            ("regs", "kvm_regs", "SPRG2", "sprg2", 1),
            ("regs", "kvm_regs", "SPRG3", "sprg3", 1),
            ("regs", "kvm_regs", "SPRG4", "sprg4", 1),
            ("regs", "kvm_regs", "SPRG5", "sprg5", 1),
            ("regs", "kvm_regs", "SPRG6", "sprg6", 1),
            ("regs", "kvm_regs", "SPRG7", "sprg7", 1),
            ("regs", "kvm_regs", "GPR", "gpr", 32),
            ("sregs", "kvm_sregs", "PVR", "pvr", 1),
            ("sregs", "kvm_sregs", "SDR1", "u.s.sdr1", 1),
            ("sregs", "kvm_sregs", "SLBE", "u.s.ppc64.slb[].slbe", 64),
            ("sregs", "kvm_sregs", "SLBV", "u.s.ppc64.slb[].slbv", 64),
            ("sregs", "kvm_sregs", "SR", "u.s.ppc32.sr", 16),
            ("sregs", "kvm_sregs", "IBAT", "u.s.ppc32.ibat", 8),
            ("sregs", "kvm_sregs", "DBAT", "u.s.ppc32.dbat", 8),
        ],
    ),
    ("riscv", &[MP_STATE]),
    (
        "s390",
        &[
            ("regs", "kvm_regs", "GPR", "gprs", 16),
            ("sregs", "kvm_sregs", "ACR", "acrs", 16),
            ("sregs", "kvm_sregs", "CR", "crs", 16),
            ("fpu", "kvm_fpu", "FPC", "fpc", 1),
            ("fpu", "kvm_fpu", "FPR", "fprs", 16),
        ],
    ),
];

/// Architectures whose other ioctls are described here.
pub(super) fn archs() -> impl Iterator<Item = &'static str> {
    MEMBERS.iter().map(|(arch, _)| *arch)
}

/// Lists the registers that other ioctls of `arch` carry: table name, carrier, byte offset, width in bits.
///
/// # Errors
///
/// Says what does not compile.
pub(super) fn facts(kernel: &Kernel, arch: &str) -> Result<Vec<ViaFact>, String> {
    let members = MEMBERS.iter().find(|(known, _)| *known == arch).map_or(&[][..], |(_, of)| *of);
    let registers: Vec<(String, Member, String)> = members.iter().flat_map(expand).collect();
    let expressions: Vec<String> = registers
        .iter()
        .flat_map(|(_, (_, of, ..), member)| {
            [
                format!("offsetof(struct {of}, {member})"),
                format!("8 * sizeof(((struct {of} *)0)->{member})"),
            ]
        })
        .collect();
    let values = kernel.c_values(arch, "#include <linux/kvm.h>", &expressions)?;
    let fact = |((name, (carrier, ..), _), value): ((String, Member, String), &[u64])| {
        (name, carrier.to_owned(), value[0], value[1])
    };
    Ok(registers.into_iter().zip(values.chunks(2)).map(fact).collect())
}

/// Lists the registers of a member: name, member, C expression.
fn expand(member: &Member) -> Vec<(String, Member, String)> {
    match *member {
        (_, _, name, of, 1) => vec![(name.to_owned(), *member, of.to_owned())],
        (_, _, name, of, count) => (0..count)
            .map(|index| (format!("{name}{index}"), *member, element(of, index)))
            .collect(),
    }
}

/// Says in C which element of an array is meant.
fn element(of: &str, index: usize) -> String {
    match of.split_once("[]") {
        Some((array, member)) => format!("{array}[{index}]{member}"),
        None => format!("{of}[{index}]"),
    }
}
