//! What the kernel documents of registers, in its description of KVM_SET_ONE_REG: a table `Arch | Register | Width
//! (bits)`, the bits of ids, and ids. What `onereg generate --rst` writes has the same form.

use std::iter::Peekable;
use std::str::Chars;

/// The file of the kernel.
pub(crate) const FILE: &str = "Documentation/virt/kvm/api.rst";

/// Where the table and the kernel's headers or code are known to disagree: architecture, name and reason.
pub(crate) const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("powerpc", "DBSR", "documented and in the header, but no backend handles it"),
    ("powerpc", "DEBUG_INST", "in the header and handled by every backend, but not documented"),
    ("powerpc", "ONLINE", "in the header and handled by HV, but not documented"),
    ("mips", "CP0_CONFIG6", "in the header and listed by KVM_GET_REG_LIST, but not documented"),
    ("mips", "CP0_CONFIG7", "documented and in the header, but not handled"),
    ("mips", "CP0_DIAG", "in the header only"),
    ("mips", "CP0_MAAR6", "documented and in the header up to CP0_MAAR63, but KVM has 0 to 5 only"),
    ("mips", "CP0_MAARI", "in the header and listed by KVM_GET_REG_LIST, but not documented"),
];

/// One register of the table.
pub(crate) struct DocRow {
    /// Our name of the architecture.
    pub arch: String,
    /// The register's macro without `KVM_REG_<ARCH>_`; the index of a member appended.
    pub name: String,
    /// Its width in bits.
    pub width: u32,
}

/// Reads the table, its families expanded.
pub(crate) fn rows(text: &str) -> Result<Vec<DocRow>, String> {
    let mut rows: Vec<DocRow> = Vec::new();
    let mut ellipsis = false;
    for line in table(text)? {
        let cells: Vec<&str> = line.split_whitespace().collect();
        match cells[..] {
            [] => {}
            ["..."] => ellipsis = true,
            [arch, register, width] => {
                let row = row(arch, register, width)?;
                if std::mem::take(&mut ellipsis) {
                    between(&mut rows, &row)?;
                }
                members(&mut rows, row)?;
            }
            _ => return Err(wrong(line, "three cells or `...`")),
        }
    }
    if ellipsis { Err(wrong("...", "a last member after it")) } else { Ok(rows) }
}

/// Finds the lines between the rule below the table's heading and the rule at its end.
fn table(text: &str) -> Result<Vec<&str>, String> {
    let heading = |line: &&str| line.split_whitespace().eq(["Arch", "Register", "Width", "(bits)"]);
    let is_rule = |line: &&str| line.trim_start().starts_with("====");
    let mut lines = text.lines().skip_while(|line| !heading(line)).skip(1);
    if !lines.next().as_ref().is_some_and(is_rule) {
        return Err("no table `Arch Register Width (bits)`".to_owned());
    }
    Ok(lines.take_while(|line| !is_rule(line)).collect())
}

/// Reads one line's cells.
fn row(arch: &str, register: &str, width: &str) -> Result<DocRow, String> {
    let name = register
        .strip_prefix("KVM_REG_")
        .and_then(|rest| rest.strip_prefix(arch)?.strip_prefix('_'))
        .ok_or_else(|| wrong(register, &format!("a macro that begins with KVM_REG_{arch}_")))?;
    let arch = match arch {
        "PPC" => "powerpc",
        "MIPS" => "mips",
        _ => return Err(wrong(arch, "PPC or MIPS")),
    };
    let width = width.parse().map_err(|_| wrong(width, "a width in bits"))?;
    Ok(DocRow { arch: arch.to_string(), name: name.to_string(), width })
}

/// Adds what `...` stands for: the members between the row before it and `last`.
fn between(rows: &mut Vec<DocRow>, last: &DocRow) -> Result<(), String> {
    let split = |row: &DocRow| {
        let stem = row.name.trim_end_matches(|c: char| c.is_ascii_digit());
        Some((stem.to_string(), row.name[stem.len()..].parse::<u32>().ok()?))
    };
    let first = rows.last().filter(|row| row.arch == last.arch && row.width == last.width);
    let (Some((stem, from)), Some((end, to))) = (first.and_then(split), split(last)) else {
        return Err(wrong(&last.name, "a family around `...`"));
    };
    if stem != end || from >= to {
        return Err(wrong(&last.name, &format!("a later member of {stem}")));
    }
    rows.extend((from + 1..to).map(|n| named(last, format!("{stem}{n}"))));
    Ok(())
}

/// Adds a row, or the members of one that ends in `(0..31)`. An index that would run into a digit gets a `_`.
fn members(rows: &mut Vec<DocRow>, row: DocRow) -> Result<(), String> {
    let Some((stem, range)) = row.name.split_once('(') else {
        rows.push(row);
        return Ok(());
    };
    let bounds = range.strip_suffix(')').and_then(|range| {
        let (first, last) = range.split_once("..")?;
        Some(first.parse::<u32>().ok()?..=last.parse::<u32>().ok()?)
    });
    let bounds = bounds.ok_or_else(|| wrong(&row.name, "a range such as (0..31)"))?;
    let joint = if stem.ends_with(|c: char| c.is_ascii_digit()) { "_" } else { "" };
    rows.extend(bounds.map(|n| named(&row, format!("{stem}{joint}{n}"))));
    Ok(())
}

/// Makes another member of a row's family.
fn named(row: &DocRow, name: String) -> DocRow {
    DocRow { arch: row.arch.clone(), name, width: row.width }
}

/// Says what the table was expected to hold.
fn wrong(found: &str, expected: &str) -> String {
    format!("expected {expected}, found `{}`", found.trim())
}

/// An id, or what the ids of a group have in common: `0x6030 0000 0013 <op0:2> ...`.
pub(crate) struct DocId {
    /// As written.
    pub text: String,
    /// Bits that are given.
    pub mask: u64,
    /// Their values.
    pub bits: u64,
    /// How many bits it has: 64, unless it is wrong.
    pub width: u32,
    /// Whether it is the id of one register, on a host of either XLEN.
    pub whole: bool,
    /// First word behind it: the register's name.
    pub name: String,
}

/// Lists the lines that begin with an id or a pattern of ids.
pub(crate) fn ids(text: &str) -> Vec<DocId> {
    text.lines().filter_map(|line| id(line.trim())).collect()
}

fn id(line: &str) -> Option<DocId> {
    let mut rest = line.strip_prefix("0x")?.chars().peekable();
    let mut id =
        DocId { text: String::new(), mask: 0, bits: 0, width: 0, whole: true, name: String::new() };
    while id.width < 64 {
        let (given, bits, count) = part(&mut rest)?;
        id.whole &= given != Given::No;
        id.width += count;
        let shift = 64u32.checked_sub(id.width);
        let place = |bits: u64| shift.map_or(0, |shift| bits << shift);
        if given == Given::Yes {
            id.mask |= place((1 << count) - 1);
            id.bits |= place(bits);
        }
    }
    let rest: String = rest.collect();
    id.name = rest.split_whitespace().next().unwrap_or_default().to_owned();
    id.text = line.strip_suffix(&rest).unwrap_or(line).trim().to_owned();
    Some(id)
}

/// Whether a part of an id tells its bits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Given {
    Yes,
    No,
    /// Size bits that the host decides.
    ByHost,
}

/// Takes a digit, or `<name:count>`: its bits, and how many they are.
fn part(rest: &mut Peekable<Chars<'_>>) -> Option<(Given, u64, u32)> {
    while rest.next_if_eq(&' ').is_some() {}
    match rest.next()? {
        'x' => Some((Given::ByHost, 0, 4)),
        '<' => {
            let text: String = rest.by_ref().take_while(|c| *c != '>').collect();
            let (name, count) = text.rsplit_once(':')?;
            let count = count.parse().ok().filter(|count| (1..64).contains(count))?;
            let bits = if name == "zero" { Some(0) } else { name.parse().ok() };
            Some((bits.map_or(Given::No, |_| Given::Yes), bits.unwrap_or(0), count))
        }
        digit => Some((Given::Yes, digit.to_digit(16)?.into(), 4)),
    }
}
