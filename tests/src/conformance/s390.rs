//! Every register id of s390, from its uapi header alone: all of them are macros there.

use crate::conformance::Fact;
use crate::kernel::Kernel;

/// Rows that no kernel text proves, and facts that the table leaves out.
pub(crate) const EXCEPTIONS: &[(&str, &str)] = &[];

/// What the macro of a register begins with.
const PREFIX: &str = "KVM_REG_S390_";

/// Lists every register id of s390 as Linux defines it.
pub(crate) fn facts(kernel: &Kernel) -> Result<Vec<Fact>, String> {
    let mut macros = kernel.uapi_macros("s390", "asm/kvm.h")?;
    macros.retain(|name| name.starts_with(PREFIX));
    let ids = kernel.c_values("s390", "#include <linux/kvm.h>", &macros)?;
    let fact = |(name, id): (&String, u64)| Fact {
        name: name.strip_prefix(PREFIX).map(str::to_string),
        id,
        source: "uapi/asm/kvm.h".to_string(),
    };
    Ok(macros.iter().zip(ids).map(fact).collect())
}
