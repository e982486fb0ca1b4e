//! Headers of the kernel, imported as if they were new: the tables have every register that they name, by its id.

use onereg_codegen::header::{Added, added};
use onereg_codegen::model::Arch;
use onereg_codegen::query::{all_members, decode};

use super::Report;
use crate::kernel::Kernel;
use crate::tables;

/// Headers, and whether they name registers of KVM alone.
const HEADERS: &[(&str, bool)] = &[
    ("arch/arm64/include/uapi/asm/kvm.h", true),
    ("arch/arm64/include/asm/sysreg.h", false),
    ("arch/arm64/tools/sysreg", false),
    ("arch/loongarch/include/uapi/asm/kvm.h", true),
    ("arch/loongarch/include/asm/loongarch.h", false),
    ("arch/mips/include/uapi/asm/kvm.h", true),
    ("arch/mips/include/asm/kvm_host.h", true),
    ("arch/powerpc/include/uapi/asm/kvm.h", true),
    ("arch/riscv/include/uapi/asm/kvm.h", true),
    ("arch/s390/include/uapi/asm/kvm.h", true),
    ("arch/x86/include/uapi/asm/kvm.h", true),
    ("arch/x86/include/asm/msr-index.h", false),
    ("include/hyperv/hvgdk_mini.h", false),
];

/// Imports each header as a diff that adds it.
///
/// # Errors
///
/// Says what could not be read.
pub fn check_imported() -> Result<Report, String> {
    let kernel = Kernel::get()?;
    let archs = tables::archs_in(&tables::root())?;
    let mut report = Report { summary: String::new(), differences: Vec::new() };
    for (path, is_of_kvm) in HEADERS {
        let found = added(&archs, &diff(path, &kernel.source(path)?));
        let ids: Vec<_> = found.iter().filter_map(|it| Some((it, *it.id.as_ref().ok()?))).collect();
        report.summary += &format!("{path}: {} registers\n", ids.len());
        if ids.is_empty() {
            report.differences.push(format!("{path}: no register"));
        }
        let wrong = ids.iter().filter(|(it, id)| !is_right(&archs, it, *id, *is_of_kvm));
        let say = |(it, id): &(&Added, u64)| format!("{path}: {} is {id:#018x}", it.macro_name);
        report.differences.extend(wrong.map(say));
    }
    Ok(report)
}

/// A diff that adds a file.
fn diff(path: &str, text: &str) -> String {
    let lines: String = text.lines().map(|line| format!("+{line}\n")).collect();
    format!("--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n{lines}")
}

/// Whether the tables have the id by this name; where they need not have it, whether the group has no other register
/// of that name.
fn is_right(archs: &[Arch], added: &Added, id: u64, is_of_kvm: bool) -> bool {
    let group = decode(archs, id).group.map(|group| &group.file);
    let members = archs.iter().flat_map(all_members);
    let mut namesakes =
        members.filter(|it| it.name() == added.name && Some(&it.group().file) == group);
    if is_of_kvm {
        return namesakes.any(|it| it.id() == Some(id));
    }
    // Where KVM has another id than the encoding's, headers of the architecture give the encoding.
    namesakes.all(|it| it.id() == Some(id) || it.row.encoding.is_some())
}
