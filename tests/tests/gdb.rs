//! The target descriptions: a real gdb takes them from a stub, and shows every register and field of what the stub says.

mod gdb_stub;

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use gdb_stub::Stub;
use onereg_codegen::emit::gdb::gdb;
use onereg_codegen::model::{Access, Arch, FieldKind, Host, Layout};
use onereg_codegen::query::{members, pieces};
use onereg_tests::tables;
use roxmltree::Document;

/// What gdb adds where a stub names no program.
const NO_PROGRAM: &str = "warning: No executable has been specified and target does not support\n\
                          determining executable automatically.  Try using the \"file\" command.\n";

/// Runs gdb on commands, and returns what it said; what it warns of is an error.
fn run(name: &str, commands: &str) -> Result<String, String> {
    let folder = tables::root().join("target/tmp/gdb");
    fs::create_dir_all(&folder).unwrap();
    let script = folder.join(format!("{name}.gdb"));
    fs::write(&script, commands).unwrap();
    let mut gdb = Command::new("gdb-multiarch");
    let output = gdb.args(["-nx", "--batch", "-x"]).arg(script).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).replace(NO_PROGRAM, "");
    if said.trim().is_empty() && output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap())
    } else {
        Err(format!("{name}: {said}"))
    }
}

/// A register as a stub serves it.
struct Register {
    name: String,
    bytes: usize,
    value: u64,
    /// What gdb prints of the value, where it has fields.
    text: Option<String>,
}

/// The registers of a description, in its order; those with fields have bits set in each.
fn registers(arch: &Arch, host: Host, xml: &str) -> Vec<Register> {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    let xml = Document::parse_with_options(xml, options).unwrap();
    let nodes = xml.descendants().filter(|node| node.has_tag_name("reg"));
    nodes
        .map(|node| {
            let name = node.attribute("name").unwrap().to_owned();
            let bits: u32 = node.attribute("bitsize").unwrap().parse().unwrap();
            let kind = node.attribute("type").unwrap();
            let layout =
                arch.layouts.iter().find(|layout| *kind.split(':').next().unwrap() == layout.name);
            let own = members(arch, host).find(|member| member.name() == name);
            let described =
                |layout: &&Layout| layout.fields.iter().any(|field| !field.kind.is_reserved());
            let its =
                own.and_then(|member| member.layout()).filter(described).map(|layout| &layout.name);
            let is_its = its.is_none_or(|its| its == kind || 64 < bits);
            assert!(is_its, "{} {name} has no fields", arch.name);
            let (value, text) = layout.map_or((0, None), |layout| filled(layout, bits));
            Register { name, bytes: bits as usize / 8, value, text }
        })
        .collect()
}

/// A value with bits in every field, and what gdb prints of it.
fn filled(layout: &Layout, bits: u32) -> (u64, Option<String>) {
    let (mut value, mut text) = (0, String::new());
    for (field, piece) in pieces(layout) {
        if field.kind.is_reserved() || bits <= piece.msb {
            continue;
        }
        let ones = u64::MAX >> (64 - piece.width());
        let whole = field.pieces.len() == 1;
        let small = field.values.iter().all(|value| value.value <= 0x7fff_ffff);
        let is_named = whole && field.kind == FieldKind::Enum && small;
        let named = field.values.last().filter(|_| is_named);
        let below: u32 =
            field.pieces.iter().skip_while(|p| **p != piece).skip(1).map(|p| p.width()).sum();
        let above = below + piece.width() - 1;
        let name = match (whole, above == below) {
            (true, _) => field.name.clone(),
            (false, true) => format!("{}[{above}]", field.name),
            (false, false) => format!("{}[{above}:{below}]", field.name),
        };
        value |= named.map_or(ones, |named| named.value) << piece.lsb;
        let _ = match (named, piece.width()) {
            (Some(named), _) => write!(text, " {name}={}", named.name),
            (None, 1) => write!(text, " {name}"),
            (None, _) => write!(text, " {name}={}", ones.cast_signed()),
        };
    }
    (value, Some(format!("[{text} ]")))
}

/// Compares what gdb shows of a stub with what the stub has.
fn serve(name: &str, big_endian: bool, registers: &[Register], xml: &str) -> Result<(), String> {
    let values = registers.iter().map(|register| (register.bytes, register.value));
    let stub = Stub::new(xml.to_owned(), big_endian, values);
    let mut commands = format!(
        "set mips abi n64\nset endian {}\nset print max-depth -1\nset width 0\ntarget remote {}\n",
        if big_endian { "big" } else { "little" },
        stub.address()
    );
    for Register { name, .. } in registers {
        let _ =
            writeln!(commands, "echo |{name}=\noutput sizeof(${name})\necho =\noutput ${name}\n");
    }
    let shown = run(name, &commands)?.replace('\n', "");
    for register in registers {
        let Register { name: its, bytes, text, .. } = register;
        let line = format!("|{its}={bytes}={}", text.as_deref().unwrap_or_default());
        if !shown.contains(&line) {
            let found = shown.split('|').find(|found| found.starts_with(&format!("{its}=")));
            return Err(format!("{name}: expected {line}, found {found:?}"));
        }
    }
    Ok(())
}

/// A description: its architecture, its host, its name, and its text.
type Description = (Arch, Host, String, String);

fn descriptions() -> Vec<Description> {
    let mut all = Vec::new();
    for name in tables::ARCHS {
        let arch = tables::arch(name).unwrap_or_else(|error| panic!("{error}"));
        for file in gdb(std::slice::from_ref(&arch)) {
            let name = file.path.trim_end_matches(".xml").to_owned();
            let xlen = if name.ends_with("32") { 32 } else { 64 };
            all.push((arch.clone(), Host { xlen, ..Host::default() }, name, file.text));
        }
    }
    all
}

/// Splits a description before the features that are ours.
fn split(xml: &str) -> (&str, &str) {
    xml.split_at(xml.find("<feature name=\"onereg.").unwrap())
}

/// Whether gdb knows the architecture of a description.
fn is_known(name: &str, xml: &str) -> bool {
    let architecture = xml.split("architecture>").nth(1).unwrap().trim_end_matches("</");
    run(&format!("known-{name}"), &format!("set architecture {architecture}\n")).is_ok()
}

#[test]
fn gdb_shows_every_register_and_field_of_a_stub() {
    let all = descriptions();
    let (arm64, _) = split(&all[0].3);
    for (arch, host, name, xml) in &all {
        let known = is_known(name, xml);
        let other = format!("{arm64}{}", split(xml).1);
        let xml = if known { xml } else { &other };
        let big_endian = known && matches!(arch.name.as_str(), "mips" | "powerpc" | "s390");
        let registers = registers(arch, *host, xml);
        serve(name, big_endian, &registers, xml).unwrap_or_else(|error| panic!("{error}"));
        let note = if known { "" } else { ", with arm64's core, since this gdb does not know it" };
        println!("{name}: {} registers{note}", registers.len());
    }
}

#[test]
fn what_the_tables_have_is_described() {
    for (arch, host, name, xml) in descriptions() {
        for member in members(&arch, host) {
            let row = member.row;
            let current = row.alias_of.is_none() && row.until.is_none() && !row.hidden;
            let expected = current && row.access != Access::WriteOnly;
            let own = format!("<reg name=\"{}\" ", member.name());
            let known = format!(" <!-- {} -->", member.name());
            let found = xml.contains(&own) || xml.contains(&known);
            assert_eq!(found, expected, "{name} {}", member.name());
        }
    }
}

#[test]
fn a_wrong_description_is_found() {
    let (arch, host, _, xml) = descriptions().swap_remove(0);
    let registers = registers(&arch, host, &xml);
    assert_eq!(serve("right", false, &registers, &xml), Ok(()));
    let negative = "<field name=\"N\" start=\"31\" end=\"31\"/>";
    let mistakes = [
        ("no-pc", "<reg name=\"pc\" bitsize=\"64\" type=\"code_ptr\"/> <!-- PC -->\n", ""),
        ("past-the-end", negative, "<field name=\"N\" start=\"31\" end=\"64\"/>"),
        ("wrong-bit", "\"nTWE\" start=\"18\" end=\"18\"", "\"nTWE\" start=\"17\" end=\"17\""),
        ("no-type", " type=\"SCTLR_EL1\"", " type=\"SCTLR\""),
        ("no-fields", " type=\"SCTLR_EL1\"", ""),
        ("type-twice", "\"SPSR:32\"", "\"SPSR\""),
        ("no-end", "</target>", ""),
    ];
    for (mistake, right, wrong) in mistakes {
        assert!(xml.contains(right), "{mistake}");
        let found = serve(mistake, false, &registers, &xml.replace(right, wrong));
        assert!(found.is_err(), "{mistake} is not found");
    }
}
