//! Register ids of riscv, from `asm/kvm.h` and the structs that its macros index.
//!
//! The header lists, for each register type, the type's macro, the macros of its subtypes, and the macros that turn a
//! struct's member into an index. Walking them in that order gives every id: a member's id is type, subtype and index,
//! its width that of the member. The two kinds of extension registers take their index from an enum instead.

use crate::conformance::Fact;
use crate::kernel::Kernel;

const KVM_H: &str = "arch/riscv/include/uapi/asm/kvm.h";
const PTRACE_H: &str = "arch/riscv/include/uapi/asm/ptrace.h";
const VECTOR_C: &str = "arch/riscv/kvm/vcpu_vector.c";

/// Table names that no kernel text proves, with the reason.
pub(crate) const EXCEPTIONS: &[(&str, &str)] = &[];

/// Lists every register id of a 64-bit host whose vector registers have 16 bytes.
pub(crate) fn facts(kernel: &Kernel) -> Result<Vec<Fact>, String> {
    Walk::new(kernel, 64)?.facts()
}

/// Lists every register id of a 32-bit host whose vector registers have 16 bytes.
pub(crate) fn facts32(kernel: &Kernel) -> Result<Vec<Fact>, String> {
    Walk::new(kernel, 32)?.facts()
}

/// A `#define KVM_REG_RISCV_...` of the header, without that prefix.
struct Macro {
    name: String,
    body: String,
}

/// A member of a struct, arrays and inner structs taken apart: `regs.pc`, `f[3]`.
struct Member {
    path: String,
    size: &'static str,
}

/// A register whose id is still a C expression.
struct Candidate {
    name: String,
    id: String,
    source: &'static str,
}

/// The walk over the header's macros.
struct Walk<'a> {
    kernel: &'a Kernel,
    /// Bits of `unsigned long`.
    xlen: u32,
    kvm_h: String,
    ptrace_h: String,
    /// Macro of the type that the following macros belong to.
    of_type: String,
    /// Macros of its subtypes.
    subtypes: Vec<String>,
    found: Vec<Candidate>,
}

impl<'a> Walk<'a> {
    fn new(kernel: &'a Kernel, xlen: u32) -> Result<Self, String> {
        Ok(Walk {
            kernel,
            xlen,
            kvm_h: plain_text(&kernel.source(KVM_H)?),
            ptrace_h: plain_text(&kernel.source(PTRACE_H)?),
            of_type: String::new(),
            subtypes: Vec::new(),
            found: Vec::new(),
        })
    }

    /// Walks all macros, then lets the compiler compute the ids.
    fn facts(mut self) -> Result<Vec<Fact>, String> {
        for item in macros(&self.kvm_h) {
            self.step(&item)?;
        }
        let expressions: Vec<String> =
            self.found.iter().map(|candidate| candidate.id.clone()).collect();
        let ids = self.values(&expressions)?;
        let fact = |(candidate, id): (Candidate, u64)| Fact {
            name: Some(candidate.name),
            id,
            source: candidate.source.to_owned(),
        };
        Ok(self.found.into_iter().zip(ids).map(fact).collect())
    }

    /// Takes one macro; every `KVM_REG_RISCV_` macro must be of a kind that is known here.
    fn step(&mut self, item: &Macro) -> Result<(), String> {
        let Macro { name, body } = item;
        let is_helper =
            name.ends_with("_MASK") || name.ends_with("_SHIFT") || name.contains("_MULTI_REG");
        if is_helper {
            return Ok(());
        }
        if body.contains("<< KVM_REG_RISCV_TYPE_SHIFT") {
            self.of_type.clone_from(name);
            self.subtypes.clear();
            Ok(())
        } else if body.contains("<< KVM_REG_RISCV_SUBTYPE_SHIFT") {
            self.subtypes.push(name.clone());
            self.extensions(name)
        } else if let Some(structure) = between(body, "offsetof(struct ", ",") {
            self.members(name, structure)
        } else if name == "VECTOR_REG" {
            self.vector_registers()
        } else {
            Err(format!("{KVM_H}: KVM_REG_RISCV_{name} is no type, subtype or index that is known"))
        }
    }

    /// Adds the registers of an index macro: one for each member of its struct.
    fn members(&mut self, name: &str, structure: &str) -> Result<(), String> {
        let prefix = name
            .strip_suffix("_REG")
            .ok_or_else(|| format!("{KVM_H}: {name} does not end in _REG"))?;
        let subtype = self.subtypes.iter().find(|subtype| *subtype == prefix).cloned();
        let source =
            if self.kvm_h.contains(&format!("struct {structure} {{")) { KVM_H } else { PTRACE_H };
        for Member { path, size } in self.struct_members(structure)? {
            let index = format!("KVM_REG_RISCV_{name}({path})");
            self.add(table_name(prefix, &path), size, subtype.as_deref(), &index, source);
        }
        Ok(())
    }

    /// Adds V0 to V31, whose macro takes a number: the kernel's own check of the number has the last one.
    fn vector_registers(&mut self) -> Result<(), String> {
        let text = self.kernel.source(VECTOR_C)?;
        let last = between(&text, "reg_num <= KVM_REG_RISCV_VECTOR_REG(", ")")
            .and_then(|last| last.parse::<u32>().ok());
        let last =
            last.ok_or_else(|| format!("{VECTOR_C}: no upper bound of KVM_REG_RISCV_VECTOR_REG"))?;
        for number in 0..=last {
            let index = format!("KVM_REG_RISCV_VECTOR_REG({number})");
            self.add(format!("V{number}"), "KVM_REG_SIZE_U128", None, &index, VECTOR_C);
        }
        Ok(())
    }

    /// Adds the registers of a subtype of the extensions: `ISA_SINGLE`, `SBI_MULTI_EN`. Other subtypes have structs.
    fn extensions(&mut self, subtype: &str) -> Result<(), String> {
        let ulong = self.ulong();
        if let Some(kind) = subtype.strip_suffix("_SINGLE") {
            for constant in enum_constants(&self.kvm_h, &format!("KVM_RISCV_{kind}_EXT_ID"))? {
                let name = constant.replacen("KVM_RISCV_", "", 1);
                self.add(name, ulong, Some(subtype), &constant, KVM_H);
            }
        } else if let Some((kind, _)) = subtype.split_once("_MULTI_") {
            let last = self.values(&[format!("KVM_REG_RISCV_{kind}_MULTI_REG_LAST")])?;
            for word in 0..=last[0] {
                self.add(
                    format!("{subtype}{word}"),
                    ulong,
                    Some(subtype),
                    &word.to_string(),
                    KVM_H,
                );
            }
        }
        Ok(())
    }

    fn add(
        &mut self,
        name: String,
        size: &str,
        subtype: Option<&str>,
        index: &str,
        source: &'static str,
    ) {
        let subtype =
            subtype.map(|subtype| format!(" | KVM_REG_RISCV_{subtype}")).unwrap_or_default();
        let id =
            format!("KVM_REG_RISCV | {size} | KVM_REG_RISCV_{}{subtype} | {index}", self.of_type);
        self.found.push(Candidate { name, id, source });
    }

    /// Computes C expressions.
    ///
    /// Index macros divide the offset of an `unsigned long` by its size, which is the same number for either XLEN; only
    /// the number of extensions in a word has to be told.
    fn values(&self, expressions: &[String]) -> Result<Vec<u64>, String> {
        let prelude = format!(
            "#include <stddef.h>\n#include <linux/kvm.h>\n#undef __BITS_PER_LONG\n#define __BITS_PER_LONG {}\n",
            self.xlen
        );
        let values = self.kernel.c_values("riscv", &prelude, expressions)?;
        if values.len() == expressions.len() {
            Ok(values)
        } else {
            Err(format!("{KVM_H}: {} values of {} expressions", values.len(), expressions.len()))
        }
    }

    /// Size bits of an `unsigned long`.
    fn ulong(&self) -> &'static str {
        if self.xlen == 32 { "KVM_REG_SIZE_U32" } else { "KVM_REG_SIZE_U64" }
    }

    /// Parses the members of a struct of either header.
    fn struct_members(&self, structure: &str) -> Result<Vec<Member>, String> {
        let head = format!("struct {structure} {{");
        let body = between(&self.kvm_h, &head, "}").or_else(|| between(&self.ptrace_h, &head, "}"));
        let body = body.ok_or_else(|| format!("{KVM_H}, {PTRACE_H}: no struct {structure}"))?;
        let mut members = Vec::new();
        for declaration in
            body.split(';').map(str::trim).filter(|declaration| !declaration.is_empty())
        {
            members.extend(self.declaration(declaration)?);
        }
        Ok(members)
    }

    /// Parses one declaration: `unsigned long pc`, `__u32 f[32]`, `struct user_regs_struct regs`.
    fn declaration(&self, declaration: &str) -> Result<Vec<Member>, String> {
        let error =
            || format!("{KVM_H}, {PTRACE_H}: no declaration of a known form: {declaration}");
        let (kind, name) = declaration.rsplit_once(char::is_whitespace).ok_or_else(error)?;
        if let Some(inner) = kind.strip_prefix("struct ") {
            let inner = self.struct_members(inner)?;
            return Ok(inner
                .into_iter()
                .map(|m| Member { path: format!("{name}.{}", m.path), size: m.size })
                .collect());
        }
        let size = match kind {
            "unsigned long" => self.ulong(),
            "void" if name.starts_with('*') => self.ulong(),
            "__u32" => "KVM_REG_SIZE_U32",
            "__u64" => "KVM_REG_SIZE_U64",
            _ => return Err(error()),
        };
        let Some((array, length)) = name.strip_suffix(']').and_then(|name| name.split_once('['))
        else {
            return Ok(vec![Member { path: name.trim_start_matches('*').to_owned(), size }]);
        };
        let length: u32 = length.parse().map_err(|_| error())?;
        Ok((0..length).map(|index| Member { path: format!("{array}[{index}]"), size }).collect())
    }
}

/// Derives a table name: the member's of the core registers and the CSRs, else the macro's and the member's.
fn table_name(prefix: &str, path: &str) -> String {
    if prefix == "CORE" || prefix == "VECTOR_CSR" || prefix.starts_with("CSR") {
        path.rsplit('.').next().unwrap_or(path).to_owned()
    } else {
        format!("{prefix}_{path}").replace(['[', ']'], "").replace('.', "_").to_uppercase()
    }
}

/// Parses the constants of an enum, without its closing `_MAX`.
pub(super) fn enum_constants(header: &str, name: &str) -> Result<Vec<String>, String> {
    let body = between(header, &format!("enum {name} {{"), "}")
        .ok_or_else(|| format!("{KVM_H}: no enum {name}"))?;
    let constants = body.split(',').filter_map(|line| line.split_whitespace().next());
    Ok(constants.filter(|constant| !constant.ends_with("_MAX")).map(str::to_owned).collect())
}

/// Parses all `#define KVM_REG_RISCV_...`, in the header's order.
fn macros(header: &str) -> Vec<Macro> {
    let define = |line: &str| {
        let rest = line.strip_prefix("#define KVM_REG_RISCV_")?;
        let end = rest.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        Some(Macro { name: rest[..end].to_owned(), body: rest[end..].to_owned() })
    };
    header.lines().filter_map(define).collect()
}

/// Removes comments and joins continued lines.
fn plain_text(source: &str) -> String {
    let joined = source.replace("\\\n", " ");
    let mut pieces = joined.split("/*");
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        text.push_str(piece.split_once("*/").map_or("", |(_, code)| code));
    }
    text
}

/// Finds the text between the first `start` and the `end` after it.
fn between<'t>(text: &'t str, start: &str, end: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(inner, _)| inner)
}
