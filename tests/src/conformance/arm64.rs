//! 64-bit Arm: the uapi header, the core registers of guest.c, and the system registers of sys_regs.c, whose table is
//! expanded with the macros of its own file and whose encodings come from the private sysreg header and the file that
//! the rest of that header is generated from.

use std::collections::BTreeMap;

use crate::conformance::Fact;
use crate::kernel::Kernel;

/// Rows without a fact and facts without a row, with the reason: none.
pub(crate) const EXCEPTIONS: &[(&str, &str)] = &[];

const UAPI: &str = "arch/arm64/include/uapi/asm/kvm.h";
const SVE_CONTEXT: &str = "arch/arm64/include/uapi/asm/sve_context.h";
const GUEST: &str = "arch/arm64/kvm/guest.c";
const SYS_REGS: &str = "arch/arm64/kvm/sys_regs.c";
const SYS_REGS_HEADER: &str = "arch/arm64/kvm/sys_regs.h";
const ENCODINGS: &str = "arch/arm64/include/asm/sysreg.h";
const GENERATED_ENCODINGS: &str = "arch/arm64/tools/sysreg";

/// Members of `struct sys_reg_desc`, in the order of initializers without a name.
const DESCRIPTOR: [&str; 14] = [
    "name",
    "aarch32_map",
    "Op0",
    "Op1",
    "CRn",
    "CRm",
    "Op2",
    "access",
    "reset",
    "reg",
    "val",
    "get_user",
    "set_user",
    "visibility",
];

/// Macros that may nest in one another; the deepest of sys_regs.c takes 6.
const MAX_NESTING: usize = 16;

/// Lists every register id of arm64 as Linux defines it.
pub(crate) fn facts(kernel: &Kernel) -> Result<Vec<Fact>, String> {
    let mut uapi = macros(&kernel.source(UAPI)?);
    uapi.extend(macros(&kernel.source(SVE_CONTEXT)?));
    let sys_regs = strip_comments(&kernel.source(SYS_REGS)?);
    let mut found = core(&strip_comments(&kernel.source(GUEST)?), &uapi)?;
    found.extend(named(&uapi));
    found.extend(vectors(&uapi)?);
    found.extend(caches(&macros(&sys_regs))?);
    found.extend(system(&sys_regs, &kernel.source(SYS_REGS_HEADER)?)?);

    let expressions: Vec<String> =
        found.iter().map(|candidate| candidate.expression.clone()).collect();
    let ids = kernel.c_values("arm64", &prelude(kernel)?, &expressions)?;
    let fact = |(found, id): (Candidate, u64)| Fact {
        name: Some(found.name),
        id,
        source: found.source.to_owned(),
    };
    Ok(found.into_iter().zip(ids).map(fact).collect())
}

/// A register's name in the table and a C expression of its id.
struct Candidate {
    name: String,
    expression: String,
    source: &'static str,
}

impl Candidate {
    fn new(name: impl Into<String>, expression: impl Into<String>, source: &'static str) -> Self {
        Candidate { name: name.into(), expression: expression.into(), source }
    }
}

/// Returns the C text that the expressions need: the uapi header and the encodings of the system registers.
fn prelude(kernel: &Kernel) -> Result<String, String> {
    let mut text = String::from("#include <stddef.h>\n#include <linux/kvm.h>\n");
    for (name, found) in macros(&kernel.source(ENCODINGS)?) {
        let parameters =
            found.parameters.map_or(String::new(), |names| format!("({})", names.join(", ")));
        text += &format!("#define {name}{parameters} {}\n", found.body);
    }
    for line in kernel.source(GENERATED_ENCODINGS)?.lines() {
        if let ["Sysreg", name, op0, op1, crn, crm, op2] =
            line.split_whitespace().collect::<Vec<_>>()[..]
        {
            text += &format!("#define SYS_{name} sys_reg({op0}, {op1}, {crn}, {crm}, {op2})\n");
        }
    }
    Ok(text)
}

/// Lists the core registers: the cases of the switch that knows their sizes.
fn core(guest: &str, uapi: &Macros) -> Result<Vec<Candidate>, String> {
    let body = between(guest, "static int core_reg_size_from_offset(", "default:", GUEST)?;
    let mut found = Vec::new();
    let mut pending = Vec::new();
    for case in body.split("case ").skip(1) {
        let mut fields = case
            .split("KVM_REG_ARM_CORE_REG(")
            .skip(1)
            .filter_map(|text| Some(text.split_once(')')?.0));
        let first = fields
            .next()
            .ok_or_else(|| format!("{GUEST}: expected KVM_REG_ARM_CORE_REG in `{case}`"))?;
        pending.extend(fields_of(first, fields.next(), uapi)?);
        if let Some(size) = case.split_once("size = ").and_then(|(_, rest)| rest.split_once(';')) {
            let size = format!("(__u64)__builtin_ctzll({}) << KVM_REG_SIZE_SHIFT", size.0);
            for (name, field) in pending.drain(..) {
                let id = format!(
                    "KVM_REG_ARM64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG({field}) | ({size})"
                );
                found.push(Candidate::new(name, id, GUEST));
            }
        }
    }
    Ok(found)
}

/// Lists the names and the members of `struct kvm_regs` from `first` to `last`: one member, or elements of an array.
fn fields_of(
    first: &str,
    last: Option<&str>,
    uapi: &Macros,
) -> Result<Vec<(String, String)>, String> {
    let member = first.rsplit('.').next().unwrap_or(first);
    let Some(last) = last else {
        return Ok(vec![(member.to_uppercase(), first.to_owned())]);
    };
    let element = |text: &str| {
        let (array, index) = text.strip_suffix(']')?.split_once('[')?;
        Some((array.to_owned(), number(index, uapi)?))
    };
    let (Some((array, from)), Some((_, to))) = (element(first), element(last)) else {
        return Err(format!("{GUEST}: expected elements of an array, found `{first}` to `{last}`"));
    };
    let name = |index: u64| match array.as_str() {
        "regs.regs" => Ok(format!("X{index}")),
        "fp_regs.vregs" => Ok(format!("V{index}")),
        "spsr" => spsr_name(index, uapi),
        _ => Err(format!("{GUEST}: expected regs, vregs or spsr, found `{array}`")),
    };
    (from..=to).map(|index| Ok((name(index)?, format!("{array}[{index}]")))).collect()
}

/// Returns the name of an index of `spsr`: the macro that is that number.
fn spsr_name(index: u64, uapi: &Macros) -> Result<String, String> {
    let mut names = uapi.iter().filter_map(|(name, found)| {
        let name = name.strip_prefix("KVM_").filter(|name| name.starts_with("SPSR_"))?;
        (found.body.parse() == Ok(index)).then_some(name)
    });
    names
        .next()
        .map(str::to_owned)
        .ok_or_else(|| format!("{UAPI}: expected a KVM_SPSR_ macro of the value {index}"))
}

/// Lists the ids that the uapi header has a name for: timers and firmware registers.
fn named(uapi: &Macros) -> Vec<Candidate> {
    let makers = ["ARM64_SYS_REG(", "KVM_REG_ARM_FW_REG(", "KVM_REG_ARM_FW_FEAT_BMAP_REG("];
    let ids =
        uapi.iter().filter(|(_, found)| makers.iter().any(|maker| found.body.starts_with(maker)));
    ids.filter_map(|(id, _)| Some(Candidate::new(id.strip_prefix("KVM_REG_ARM_")?, id, UAPI)))
        .collect()
}

/// Lists the SVE registers, each at slice 0, the only one that the kernel has.
fn vectors(uapi: &Macros) -> Result<Vec<Candidate>, String> {
    let mut found = vec![
        Candidate::new("FFR", "KVM_REG_ARM64_SVE_FFR(0)", UAPI),
        Candidate::new("SVE_VLS", "KVM_REG_ARM64_SVE_VLS", UAPI),
    ];
    for (name, count) in [("Z", "KVM_ARM64_SVE_NUM_ZREGS"), ("P", "KVM_ARM64_SVE_NUM_PREGS")] {
        let count =
            number(count, uapi).ok_or_else(|| format!("{UAPI}: expected a number as {count}"))?;
        let member = |n| {
            Candidate::new(
                format!("{name}{n}"),
                format!("KVM_REG_ARM64_SVE_{name}REG({n}, 0)"),
                UAPI,
            )
        };
        found.extend((0..count).map(member));
    }
    Ok(found)
}

/// Lists the cache geometries, one for each value of the selector that KVM takes.
fn caches(sys_regs: &Macros) -> Result<Vec<Candidate>, String> {
    let count =
        number("CSSELR_MAX", sys_regs).ok_or_else(|| format!("{SYS_REGS}: expected CSSELR_MAX"))?;
    let base = "KVM_REG_ARM64 | KVM_REG_SIZE_U32 | KVM_REG_ARM_DEMUX | KVM_REG_ARM_DEMUX_ID_CCSIDR";
    Ok((0..count)
        .map(|n| Candidate::new(format!("CCSIDR{n}"), format!("{base} | {n}"), SYS_REGS))
        .collect())
}

/// Lists the system registers that user space may reach: those with a place in memory or a getter of their own.
fn system(sys_regs: &str, header: &str) -> Result<Vec<Candidate>, String> {
    let mut known = macros(header);
    known.extend(macros(sys_regs));
    let table = between(sys_regs, "struct sys_reg_desc sys_reg_descs[] = {", "\n};", SYS_REGS)?;
    let table = expand(table, &known, 0)?;
    let swapped = swapped_ids(sys_regs)?;
    let mut found = Vec::new();
    for entry in blocks(&table) {
        let entry = descriptor(entry)?;
        let get = |member: &str| entry.get(member).map_or("0", String::as_str);
        if ["reg", "get_user"].iter().all(|member| matches!(get(member), "0" | "NULL")) {
            continue;
        }
        let name: String = get("name").chars().filter(|c| !matches!(c, '"' | ' ')).collect();
        let parts = ["Op0", "Op1", "CRn", "CRm", "Op2"].map(get).join(", ");
        let id = swapped.get(&name).cloned().unwrap_or_else(|| format!("ARM64_SYS_REG({parts})"));
        found.push(Candidate::new(manual_name(&name), id, SYS_REGS));
    }
    Ok(found)
}

/// Returns the manual's name of a descriptor: SYS_MDSCR_EL1 is MDSCR_EL1, SYS_DBGBVRn_EL1(3) is DBGBVR3_EL1.
fn manual_name(name: &str) -> String {
    let name = name.strip_prefix("SYS_").unwrap_or(name);
    match name.strip_suffix(')').and_then(|name| name.split_once('(')) {
        Some((family, index)) => family.replacen("n_", &format!("{index}_"), 1),
        None => name.to_owned(),
    }
}

/// Reads which registers KVM lists by another id than their encoding's.
fn swapped_ids(sys_regs: &str) -> Result<BTreeMap<String, String>, String> {
    let cases = between(sys_regs, "static bool copy_reg_to_user(", "default:", SYS_REGS)?;
    let swap = |case: &str| {
        let (register, rest) = case.split_once(':')?;
        Some((register.to_owned(), rest.split_once("idx = ")?.1.split_once(';')?.0.to_owned()))
    };
    let found = cases.split("case ").skip(1).map(|case| swap(case).ok_or(case));
    found
        .map(|swap| swap.map_err(|case| format!("{SYS_REGS}: expected `idx = ...;` in `{case}`")))
        .collect()
}

/// Reads the initializers of a `struct sys_reg_desc`; of two for one member, the last one counts.
fn descriptor(entry: &str) -> Result<BTreeMap<&'static str, String>, String> {
    let mut members = BTreeMap::new();
    let mut position = 0;
    for initializer in split_list(entry) {
        let (place, value) =
            match initializer.strip_prefix('.').and_then(|text| text.split_once('=')) {
                Some((name, value)) => {
                    (DESCRIPTOR.iter().position(|member| *member == name.trim()), value.trim())
                }
                None => (Some(position), initializer),
            };
        let member = place.and_then(|place| Some((place, *DESCRIPTOR.get(place)?)));
        let (place, member) = member.ok_or_else(|| {
            format!("{SYS_REGS}: expected a member of sys_reg_desc, found `{initializer}`")
        })?;
        members.insert(member, value.to_owned());
        position = place + 1;
    }
    Ok(members)
}

/// Macros by name.
type Macros = BTreeMap<String, Macro>;

/// A C macro.
struct Macro {
    /// Names of the parameters; `None` for a macro without a parameter list.
    parameters: Option<Vec<String>>,
    body: String,
}

/// Lists the macros that a C text defines.
fn macros(text: &str) -> Macros {
    let text = strip_comments(text).replace("\\\n", " ");
    let definitions = text.lines().filter_map(|line| line.strip_prefix("#define").map(str::trim));
    let parse = |definition: &str| {
        let name = definition.split(|c| !is_word(c)).next()?;
        let rest = &definition[name.len()..];
        let (parameters, body) = match rest.strip_prefix('(').and_then(|rest| rest.split_once(')'))
        {
            Some((list, body)) => {
                (Some(split_list(list).into_iter().map(str::to_owned).collect()), body)
            }
            None => (None, rest),
        };
        Some((name.to_owned(), Macro { parameters, body: body.trim().to_owned() }))
    };
    definitions.filter_map(parse).collect()
}

/// Evaluates a number, a macro that is one, or a difference of these.
fn number(expression: &str, macros: &Macros) -> Option<u64> {
    if let Some((left, right)) = expression.rsplit_once('-') {
        return number(left, macros)?.checked_sub(number(right, macros)?);
    }
    let expression = expression.trim();
    expression.parse().ok().or_else(|| number(&macros.get(expression)?.body, macros))
}

/// Replaces every use of a macro by its expansion.
fn expand(text: &str, macros: &Macros, depth: usize) -> Result<String, String> {
    if depth > MAX_NESTING {
        return Err(format!(
            "{SYS_REGS}: expected macros nested no deeper than {MAX_NESTING}, found `{text}`"
        ));
    }
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, word, after)) = next_word(rest) {
        out += before;
        let call = macros.get(word).and_then(|found| match &found.parameters {
            Some(parameters) => {
                let (list, after) = arguments(after)?;
                Some((substitute(&found.body, parameters, &split_list(list)), after))
            }
            None => Some((found.body.clone(), after)),
        });
        let Some((body, after)) = call else {
            out += word;
            rest = after;
            continue;
        };
        out += &expand(&body, macros, depth + 1)?;
        rest = after;
    }
    Ok(out + rest)
}

/// Splits the text after a macro's name into its arguments and the rest.
fn arguments(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ if depth == 0 => return None,
            _ => {}
        }
        if depth == 0 {
            return Some((text.get(1..at)?, &text[at + 1..]));
        }
    }
    None
}

/// Puts arguments in place of parameters; `#` makes a string of one, `##` joins it with its neighbour.
fn substitute(body: &str, parameters: &[String], arguments: &[&str]) -> String {
    let mut out = String::new();
    let mut rest = body;
    while let Some((before, word, after)) = next_word(rest) {
        out += before;
        rest = after;
        let argument =
            parameters.iter().position(|name| name == word).and_then(|at| arguments.get(at));
        match argument {
            Some(argument) if out.ends_with('#') && !out.ends_with("##") => {
                out.pop();
                out += &format!("\"{argument}\"");
            }
            _ => out += argument.unwrap_or(&word),
        }
    }
    out += rest;
    out.split("##").map(str::trim).collect()
}

/// Splits a text at its first C name or number: what is before it, the word, what is after it.
fn next_word(text: &str) -> Option<(&str, &str, &str)> {
    let (before, word) = text.split_at(text.find(is_word)?);
    let end = word.find(|c| !is_word(c)).unwrap_or(word.len());
    let (word, after) = word.split_at(end);
    Some((before, word, after))
}

/// Lists the outermost blocks in braces.
fn blocks(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut depth = 0;
    let mut start = 0;
    for (at, c) in text.char_indices() {
        match c {
            '{' => {
                depth += 1;
                start = if depth == 1 { at + 1 } else { start };
            }
            '}' => {
                depth -= 1;
                found.extend((depth == 0).then(|| &text[start..at]));
            }
            _ => {}
        }
    }
    found
}

/// Splits a list at its commas outside parentheses; an empty last item is none.
fn split_list(text: &str) -> Vec<&str> {
    let mut depth = 0;
    let items = text.split(|c| {
        depth += i32::from(matches!(c, '(' | '{')) - i32::from(matches!(c, ')' | '}'));
        c == ',' && depth == 0
    });
    let mut items: Vec<&str> = items.map(str::trim).collect();
    items.pop_if(|last| last.is_empty());
    items
}

/// Removes the comments of a C text.
fn strip_comments(text: &str) -> String {
    let mut out = String::new();
    for (index, piece) in text.split("/*").enumerate() {
        let code =
            if index == 0 { piece } else { piece.split_once("*/").map_or("", |(_, code)| code) };
        for line in code.split_inclusive('\n') {
            let end = line.find("//").unwrap_or(line.len());
            out += &line[..end];
            out += if end < line.len() && line.ends_with('\n') { "\n" } else { "" };
        }
    }
    out
}

/// Returns the text between two others.
fn between<'a>(text: &'a str, from: &str, to: &str, path: &str) -> Result<&'a str, String> {
    let found = text.split_once(from).and_then(|(_, rest)| Some(rest.split_once(to)?.0));
    found.ok_or_else(|| format!("{path}: expected `{from}` and `{to}`"))
}

/// Whether a character may be part of a C name.
fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
