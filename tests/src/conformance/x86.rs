//! Register ids of x86, from the MSR lists and the MSR switches of KVM, and offsets in the structs
//! of its other ioctls.
//!
//! The numbers are in the kernel's private headers, the choice of MSRs is in code. The lists of
//! `msrs.c` hold what the two index ioctls return. What KVM serves beyond them is in the switches
//! of its read path: every `case` there counts, except where the code answers a constant, and where
//! it hands the number on to a function that is read itself.

use crate::conformance::Fact;
use crate::kernel::Kernel;

const MSRS_C: &str = "arch/x86/kvm/msrs.c";
const KVM_H: &str = "arch/x86/include/uapi/asm/kvm.h";

/// Facts without a row, with the reason.
pub(crate) const EXCEPTIONS: &[(&str, &str)] = &[
    ("F15H_IC_CFG", "a constant that follows from the guest's CPUID, no state"),
    ("KVM_INTERNAL_GUEST_SSP", "an internal number of GUEST_SSP that msrs.h excludes from the ABI"),
];

/// Files whose macros name MSR numbers, or the bounds of a range of them.
const HEADERS: &[&str] = &[
    "arch/x86/include/asm/msr-index.h",
    "arch/x86/include/asm/perf_event.h",
    "arch/x86/include/uapi/asm/kvm_para.h",
    "arch/x86/include/uapi/asm/mtrr.h",
    "include/hyperv/hvgdk_mini.h",
    "arch/x86/kvm/hyperv.h",
    "arch/x86/kvm/msrs.h",
    "arch/x86/kvm/x86.h",
    "arch/x86/include/asm/kvm_host.h",
];

/// Arrays of `msrs.c` that the index ioctls are filled from.
const ARRAYS: &[&str] = &[
    "msrs_to_save_base",
    "msrs_to_save_pmu",
    "emulated_msrs_all",
    "msr_based_features_all_except_vmx",
];

/// Functions of the read path whose `case` labels are MSR numbers.
const SWITCHES: &[(&str, &str)] = &[
    (MSRS_C, "kvm_get_msr_common"),
    (MSRS_C, "get_msr_mce"),
    ("arch/x86/kvm/mtrr.c", "*find_mtrr"),
    ("arch/x86/kvm/hyperv.c", "kvm_hv_get_msr_pw"),
    ("arch/x86/kvm/hyperv.c", "kvm_hv_get_msr"),
    ("arch/x86/kvm/hyperv.c", "synic_get_msr"),
    ("arch/x86/kvm/vmx/vmx.c", "vmx_get_msr"),
    ("arch/x86/kvm/vmx/pmu_intel.c", "intel_is_valid_msr"),
    ("arch/x86/kvm/svm/svm.c", "svm_get_msr"),
    ("arch/x86/kvm/svm/pmu.c", "amd_is_valid_msr"),
];

/// Calls that hand an MSR on: to a function of [`SWITCHES`], or to the local APIC, whose registers
/// have rows of their own (`via: lapic`).
const HANDED_ON: &[&str] = &[
    "get_msr_mce(",
    "kvm_mtrr_get_msr(",
    "kvm_hv_get_msr_common(",
    "synic_get_msr(",
    "kvm_x2apic_msr_read(",
    "kvm_hv_vapic_msr_read(",
];

/// Lists every register id of x86 as Linux defines it.
pub(crate) fn facts(kernel: &Kernel) -> Result<Vec<Fact>, String> {
    let macros = Macros::read(kernel)?;
    let mut labels = Vec::new();
    let msrs = code(kernel, MSRS_C)?;
    for array in ARRAYS {
        labels.extend(array_items(&msrs, array)?);
    }
    labels.push(Label::range("KVM_FIRST_EMULATED_VMX_MSR", "KVM_LAST_EMULATED_VMX_MSR", MSRS_C));
    for (path, function) in SWITCHES {
        labels.extend(switch_labels(&code(kernel, path)?, path, function)?);
    }
    labels.push(read_only_mtrr(kernel)?);
    let mut facts = macros.expand(kernel, &labels)?;
    facts.extend(kvm_registers(kernel)?);
    Ok(facts)
}

/// Lists the registers of `KVM_X86_REG_TYPE_KVM`, which the uapi header numbers.
fn kvm_registers(kernel: &Kernel) -> Result<Vec<Fact>, String> {
    let header = kernel.source(KVM_H)?;
    let macros = header
        .lines()
        .filter_map(|line| line.strip_prefix("#define KVM_REG_")?.split_whitespace().next());
    let names: Vec<&str> = macros.collect();
    if names.is_empty() {
        return Err(format!("{KVM_H}: expected macros KVM_REG_..."));
    }
    let ids: Vec<String> =
        names.iter().map(|name| format!("KVM_X86_REG_KVM(KVM_REG_{name})")).collect();
    let ids = kernel.c_values("x86", "#include <linux/kvm.h>", &ids)?;
    let fact = |(name, id): (&str, u64)| Fact { name: Some(name.into()), id, source: KVM_H.into() };
    Ok(names.into_iter().zip(ids).map(fact).collect())
}

/// One or more consecutive MSRs that the kernel's text names by the macros of the first and the
/// last.
struct Label {
    first: String,
    last: String,
    source: String,
}

impl Label {
    fn range(first: &str, last: &str, source: &str) -> Self {
        Self { first: first.trim().into(), last: last.trim().into(), source: source.into() }
    }

    /// Reads `A` or `A ... B`.
    fn parse(text: &str, source: &str) -> Self {
        let (first, last) = text.split_once("...").unwrap_or((text, text));
        Self::range(first, last, source)
    }
}

/// Returns the initialisers of an array.
fn array_items(text: &str, array: &str) -> Result<Vec<Label>, String> {
    let expected = || format!("{MSRS_C}: expected the array {array}");
    let (_, rest) = text.split_once(&format!(" {array}[] = {{")).ok_or_else(expected)?;
    let (items, _) = rest.split_once("};").ok_or_else(expected)?;
    let items = items.split(',').map(str::trim).filter(|item| !item.is_empty());
    Ok(items.map(|item| Label::parse(item, MSRS_C)).collect())
}

/// Returns the MSR that `kvm_mtrr_get_msr` answers before it looks for a variable.
fn read_only_mtrr(kernel: &Kernel) -> Result<Label, String> {
    let path = "arch/x86/kvm/mtrr.c";
    let text = code(kernel, path)?;
    let body = function_body(&text, path, "kvm_mtrr_get_msr")?;
    let after = body.split_once("msr == ").map(|(_, rest)| rest);
    let name = after.and_then(|rest| rest.split_once(')')).map(|(name, _)| name);
    name.map(|name| Label::parse(name, path))
        .ok_or_else(|| format!("{path}: expected a comparison with MSR_MTRRcap"))
}

/// Returns the `case` labels of a function that stand for state of the vCPU.
fn switch_labels(text: &str, path: &str, function: &str) -> Result<Vec<Label>, String> {
    let body = function_body(text, path, function)?;
    let mut labels = Vec::new();
    let mut group = Vec::new();
    for part in body.split("\tcase ").skip(1) {
        let (label, statements) =
            part.split_once(':').ok_or_else(|| format!("{path}: expected ':' after {part}"))?;
        let statements = statements.split("\tdefault:").next().unwrap_or_default().trim();
        group.push(label);
        if statements.is_empty() {
            continue;
        }
        if !is_constant(statements) && !HANDED_ON.iter().any(|call| statements.contains(call)) {
            labels.extend(group.iter().map(|label| Label::parse(label, path)));
        }
        group.clear();
    }
    if labels.is_empty() {
        return Err(format!("{path}: expected case labels in {function}"));
    }
    Ok(labels)
}

/// Says whether statements only assign numbers.
fn is_constant(statements: &str) -> bool {
    statements.split(';').map(str::trim).filter(|s| !s.is_empty() && *s != "break").all(
        |statement| {
            let value = statement.split_once('=').map(|(_, value)| value.replace("uint64_t", ""));
            value.is_some_and(|value| {
                value.chars().all(|c| c.is_ascii_hexdigit() || "xUL()<| ".contains(c))
            })
        },
    )
}

/// Returns a source file without comments and preprocessor lines.
fn code(kernel: &Kernel, path: &str) -> Result<String, String> {
    let text = without_comments(&kernel.source(path)?);
    Ok(text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n"))
}

pub(super) fn without_comments(text: &str) -> String {
    let mut parts = text.split("/*");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |kept, part| kept + part.split_once("*/").map_or("", |(_, rest)| rest))
}

/// Returns the body of a function, from its name at the start of a definition to the brace at the
/// start of a line.
fn function_body<'a>(text: &'a str, path: &str, function: &str) -> Result<&'a str, String> {
    let definition = format!(" {function}(");
    let starts = text.match_indices(&definition).map(|(at, _)| &text[at..]);
    let mut bodies = starts.filter_map(|rest| rest.split_once("\n}").map(|(body, _)| body));
    bodies
        .find(|body| {
            body.split_once('{')
                .is_some_and(|(head, _)| !head.contains(';') && head.contains(")\n"))
        })
        .ok_or_else(|| format!("{path}: expected the function {function}"))
}

/// The macros of [`HEADERS`] that number MSRs.
struct Macros {
    /// C text with the macros, and a function that turns an MSR number into an id.
    prelude: String,
    /// Expression and table name of every single MSR that a macro names.
    names: Vec<(String, String)>,
    /// Names that other rows have, so that the macro's is taken whole.
    taken: Vec<String>,
}

impl Macros {
    fn read(kernel: &Kernel) -> Result<Self, String> {
        let mut prelude = String::from("#include <linux/kvm.h>\n");
        let mut names = Vec::new();
        for path in HEADERS {
            for line in without_comments(&kernel.source(path)?).lines() {
                let Some(definition) = line.strip_prefix("#define").map(str::trim) else {
                    continue;
                };
                if definition.ends_with('\\') || !is_number_macro(definition) {
                    continue;
                }
                prelude += &format!("#define {definition}\n");
                names.extend(single_registers(definition));
            }
        }
        prelude += "static __u64 msr_id(__u64 msr) { return KVM_X86_REG_MSR(msr); }\n";
        let taken = via_registers(kernel)?.into_iter().map(|via| via.name).collect();
        Ok(Self { prelude, names, taken })
    }

    /// Turns labels into facts; of several labels with one number the first counts.
    fn expand(&self, kernel: &Kernel, labels: &[Label]) -> Result<Vec<Fact>, String> {
        let bounds: Vec<&str> =
            labels.iter().flat_map(|label| [label.first.as_str(), label.last.as_str()]).collect();
        let singles = self.names.iter().map(|(expression, _)| expression.as_str());
        let expressions: Vec<String> =
            bounds.iter().copied().chain(singles).map(|msr| format!("msr_id({msr})")).collect();
        let ids = kernel.c_values("x86", &self.prelude, &expressions)?;
        let (bounds, singles) = ids.split_at(bounds.len());
        let mut facts: Vec<Fact> = Vec::new();
        for (label, bounds) in labels.iter().zip(bounds.chunks(2)) {
            for id in bounds[0]..=bounds[1] {
                if !facts.iter().any(|fact| fact.id == id) {
                    facts.push(Fact {
                        name: self.name(label, id, singles),
                        id,
                        source: label.source.clone(),
                    });
                }
            }
        }
        Ok(facts)
    }

    /// Returns the name of an MSR: that of its label, or within a range that of the macro most like
    /// the label's.
    fn name(&self, label: &Label, id: u64, singles: &[u64]) -> Option<String> {
        let name = if label.first == label.last {
            table_name(&label.first)
        } else {
            let named = self.names.iter().zip(singles).filter(|(_, single)| **single == id);
            let name = named
                .map(|((expression, name), _)| (common_prefix(expression, &label.first), name));
            name.max_by_key(|(common, _)| *common).map(|(_, name)| name.clone())?
        };
        Some(if self.taken.contains(&name) { format!("MSR_{name}") } else { name })
    }
}

/// Says whether a macro numbers an MSR, by a number or by another such macro, or is a bound of
/// KVM's.
fn is_number_macro(definition: &str) -> bool {
    let (head, body) = definition.split_once(char::is_whitespace).unwrap_or((definition, ""));
    let body = body.trim_start_matches([' ', '\t', '(']);
    let is_number = body.starts_with(|c: char| c.is_ascii_digit()) || body.starts_with("MSR_");
    ["MSR_", "HV_X64_MSR_", "MTRRphys", "KVM_"].iter().any(|prefix| head.starts_with(prefix))
        && is_number
}

/// Returns the registers that a macro names: one, or as many as its parameter can select.
fn single_registers(definition: &str) -> Vec<(String, String)> {
    let head = definition.split_whitespace().next().unwrap_or_default();
    if head.starts_with("KVM_") {
        return Vec::new();
    }
    match head.split_once('(') {
        None => vec![(head.to_owned(), table_name(head))],
        Some((family, _)) => (0..32)
            .map(|n| (format!("{family}({n})"), table_name(&format!("{family}({n})"))))
            .collect(),
    }
}

/// Maps a macro to the name of its row: `MSR_A` to `A`, `MSR_A0 + 2` to `A2`, `MSR_Ax_B(2)` to
/// `A2_B`, `A_MSR(2)` to `A2`.
fn table_name(expression: &str) -> String {
    let name = expression.trim_start_matches("MSR_");
    if let Some((name, index)) = name.split_once(" + ") {
        return format!("{}{index}", name.trim_end_matches('0'));
    }
    let Some((family, index)) = name.trim_end_matches(')').split_once('(') else {
        return name.to_owned();
    };
    match family.split_once("x_") {
        Some((start, end)) => format!("{start}{index}_{end}"),
        None => format!("{}{index}", family.trim_end_matches("_MSR")),
    }
}

fn common_prefix(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
}

/// A register in a struct of another ioctl.
struct Via {
    name: String,
    carrier: &'static str,
    /// The struct's name.
    of: &'static str,
    member: String,
    /// Bits, where the member is larger or smaller than the register.
    width: Option<u64>,
}

/// Lists the registers that other ioctls carry: table name, carrier, byte offset, width in bits.
pub(crate) fn via_facts(kernel: &Kernel) -> Result<Vec<(String, String, u64, u64)>, String> {
    let registers = via_registers(kernel)?;
    let prelude =
        format!("#include <linux/kvm.h>\n#include <asm/sigcontext.h>\n{}", apic_macros(kernel)?);
    let offset = |via: &Via| format!("offsetof(struct {}, {})", via.of, via.member);
    let bits = |via: &Via| format!("8 * sizeof(((struct {} *)0)->{})", via.of, via.member);
    let expressions: Vec<String> =
        registers.iter().flat_map(|via| [offset(via), bits(via)]).collect();
    let values = kernel.c_values("x86", &prelude, &expressions)?;
    let fact = |(via, value): (Via, &[u64])| {
        (via.name, via.carrier.to_owned(), value[0], via.width.unwrap_or(value[1]))
    };
    Ok(registers.into_iter().zip(values.chunks(2)).map(fact).collect())
}

/// Lists the registers of every carrier.
fn via_registers(kernel: &Kernel) -> Result<Vec<Via>, String> {
    let kvm_h = without_comments(&kernel.source(KVM_H)?);
    let generic = "include/uapi/linux/kvm.h";
    let generic_h = without_comments(&kernel.source(generic)?);
    let sregs = members(&kvm_h, KVM_H, "kvm_sregs")?;
    let mut sregs2 = members(&kvm_h, KVM_H, "kvm_sregs2")?;
    sregs2.retain(|member| !sregs.contains(member));
    let mut all = Vec::new();
    all.extend(carried("regs", "kvm_regs", members(&kvm_h, KVM_H, "kvm_regs")?));
    all.extend(carried("sregs", "kvm_sregs", sregs));
    all.extend(carried("sregs2", "kvm_sregs2", sregs2));
    all.extend(carried("debugregs", "kvm_debugregs", members(&kvm_h, KVM_H, "kvm_debugregs")?));
    all.extend(carried("fpu", "kvm_fpu", members(&kvm_h, KVM_H, "kvm_fpu")?));
    all.extend(carried("events", "kvm_vcpu_events", members(&kvm_h, KVM_H, "kvm_vcpu_events")?));
    all.extend(carried("mp_state", "kvm_mp_state", members(&generic_h, generic, "kvm_mp_state")?));
    // Its other members say how the clock was read.
    all.extend(carried("clock", "kvm_clock_data", vec!["clock".into()]));
    all.extend(carried("xcrs", "kvm_xcrs", vec!["xcrs[0].value".into()]));
    all.extend(lapic_registers(kernel)?);
    all.extend(xsave_registers());
    Ok(all)
}

/// Makes registers of a struct's members.
fn carried(carrier: &'static str, of: &'static str, members: Vec<String>) -> Vec<Via> {
    let register =
        |member: String| Via { name: via_name(carrier, &member), carrier, of, member, width: None };
    members.into_iter().map(register).collect()
}

/// Maps a member of a carrier's struct to the name of its row: the member's, except where other
/// rows have that.
fn via_name(carrier: &str, member: &str) -> String {
    let name = member.to_uppercase().replace('.', "_").replace(['[', ']'], "");
    match (carrier, member) {
        ("xcrs", _) => "XCR0".into(),
        ("clock", _) => "KVM_CLOCK".into(),
        ("sregs", "efer" | "apic_base") | ("sregs2", "flags") | ("events", "flags") => {
            format!("{}_{name}", carrier.to_uppercase())
        }
        _ => name.replace("PDPTRS", "PDPTR"),
    }
}

/// Lists the members of a struct that are registers, structs and families taken apart: `cs.base`,
/// `db[3]`.
fn members(text: &str, path: &str, name: &str) -> Result<Vec<String>, String> {
    let expected = || format!("{path}: expected struct {name}");
    let (_, rest) = text.split_once(&format!("struct {name} {{")).ok_or_else(expected)?;
    let (body, _) = rest.split_once("\n}").ok_or_else(expected)?;
    let mut found = Vec::new();
    let mut outer = Vec::new();
    for declaration in body.split(';').map(str::trim).filter(|declaration| !declaration.is_empty())
    {
        if let Some((_, first)) = declaration.split_once("struct {") {
            outer = declarators(first, "");
        } else if let Some(inner) = declaration.strip_prefix('}') {
            found.extend(outer.drain(..).map(|member| format!("{}.{member}", inner.trim())));
        } else if let Some(structs) = declaration.strip_prefix("struct ") {
            let (inner, names) = structs.split_once(' ').ok_or_else(expected)?;
            let inner = members(text, path, inner)?;
            let joined = |outer: &str| {
                inner.iter().map(|member| format!("{}.{member}", outer.trim())).collect()
            };
            found.extend(names.split(',').flat_map(|outer| -> Vec<String> { joined(outer) }));
        } else if outer.is_empty() {
            found.extend(declarators(declaration, name));
        } else {
            outer.extend(declarators(declaration, name));
        }
    }
    Ok(found)
}

/// Lists what a declaration of scalars or arrays declares; padding and flags without meaning are no
/// registers.
fn declarators(declaration: &str, of: &str) -> Vec<String> {
    let (_, names) = declaration.trim().split_once(char::is_whitespace).unwrap_or_default();
    let mut found = Vec::new();
    for name in names.split(',').map(str::trim) {
        let (plain, dimensions) = name.split_once('[').unwrap_or((name, ""));
        let count = dimensions.split(']').next().and_then(|count| count.parse::<usize>().ok());
        match count {
            _ if plain.starts_with("pad") || plain.starts_with("reserved") => {}
            _ if (of, plain) == ("kvm_debugregs", "flags") => {}
            Some(count) => found.extend((0..count).map(|n| format!("{plain}[{n}]"))),
            None => found.push(plain.to_owned()),
        }
    }
    found
}

/// Lists the registers of the local APIC's page: those that KVM lets a guest read.
fn lapic_registers(kernel: &Kernel) -> Result<Vec<Via>, String> {
    let path = "arch/x86/kvm/lapic.c";
    let text = code(kernel, path)?;
    let body = function_body(&text, path, "kvm_lapic_readable_reg_mask")?;
    let register = |name: String, offset: String| Via {
        name,
        carrier: "lapic",
        of: "kvm_lapic_state",
        member: format!("regs[{offset}]"),
        width: Some(32),
    };
    let mut found = Vec::new();
    for part in body.split("APIC_REG").skip(1) {
        let arguments = part.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
        let (arguments, _) =
            arguments.ok_or_else(|| format!("{path}: expected arguments after APIC_REG{part}"))?;
        match arguments.split_once(',') {
            None => found.push(register(arguments.to_owned(), arguments.to_owned())),
            // The macro takes APIC_ISR_NR registers of 32 vectors each, 16 bytes apart.
            Some((first, _)) => {
                let vectors = 256 / 32;
                found.extend(
                    (0..vectors)
                        .map(|n| register(format!("{first}{n}"), format!("{first} + 16 * {n}"))),
                );
            }
        }
    }
    Ok(found)
}

/// Returns C text with the offsets of the local APIC's registers.
fn apic_macros(kernel: &Kernel) -> Result<String, String> {
    let header = without_comments(&kernel.source("arch/x86/include/asm/apicdef.h")?);
    let lines = header.lines().filter_map(|line| {
        let mut words = line.strip_prefix("#define")?.split_whitespace();
        let (name, value) = (words.next()?, words.next()?);
        (name.starts_with("APIC_") && value.starts_with("0x"))
            .then(|| format!("#define {name} {value}\n"))
    });
    Ok(lines.collect())
}

/// The parts of the XSAVE area that have the same place on every CPU, in `struct _xstate`: the
/// manual's names, which the kernel does not use, and how many registers of 16 bytes an array of
/// `__u32` holds.
const XSAVE: &[(&str, &str, usize)] = &[
    ("XSAVE_FCW", "fpstate.cwd", 1),
    ("XSAVE_FSW", "fpstate.swd", 1),
    ("XSAVE_FTW", "fpstate.twd", 1),
    ("XSAVE_FOP", "fpstate.fop", 1),
    ("XSAVE_FIP", "fpstate.rip", 1),
    ("XSAVE_FDP", "fpstate.rdp", 1),
    ("XSAVE_MXCSR", "fpstate.mxcsr", 1),
    ("XSAVE_MXCSR_MASK", "fpstate.mxcsr_mask", 1),
    ("ST", "fpstate.st_space", 8),
    ("XSAVE_XMM", "fpstate.xmm_space", 16),
    ("XSTATE_BV", "xstate_hdr.xfeatures", 1),
    ("XCOMP_BV", "xstate_hdr.reserved1[0]", 1),
    ("YMMH", "ymmh.ymmh_space", 16),
];

fn xsave_registers() -> Vec<Via> {
    let register = |name: String, member: String, width| Via {
        name,
        carrier: "xsave",
        of: "_xstate",
        member,
        width,
    };
    let registers = |&(name, member, count): &(&str, &str, usize)| -> Vec<Via> {
        match count {
            1 => vec![register(name.into(), member.into(), None)],
            _ => (0..count)
                .map(|n| register(format!("{name}{n}"), format!("{member}[4 * {n}]"), Some(128)))
                .collect(),
        }
    };
    let rest = Via {
        name: "XSAVE_EXTENDED".into(),
        carrier: "xsave",
        of: "kvm_xsave",
        // Behind AVX, to the end of the struct.
        member: "region[832 / 4]".into(),
        width: Some(8 * (4096 - 832)),
    };
    XSAVE.iter().flat_map(registers).chain([rest]).collect()
}
