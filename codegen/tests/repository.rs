//! The register tables of this repository, through the library and the program.
//!
//! A packaged crate does not have them: there these tests say so and check nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use onereg_codegen::emit::artefacts::artefacts;
use onereg_codegen::model::{Arch, Host, Width};
use onereg_codegen::query::{Coverage, Member, all_members, decode, members};
use onereg_codegen::{Sources, load};

#[test]
fn every_id_decodes_to_its_register() {
    let archs = tables();
    for (arch, host) in archs.iter().flat_map(|arch| hosts(arch).map(move |host| (arch, host))) {
        for member in members(arch, host) {
            let Some(id) = member.id() else { continue };
            let decoded = decode(&archs, id);
            let located = decoded.register.unwrap_or_else(|| panic!("{id:#x} has no register"));
            let name = located.member.name();
            let known = [Some(member.name()), member.alias_of().map(|relative| relative.name())];
            assert!(
                known.contains(&Some(name)),
                "{id:#x} of {} is {}",
                member.name(),
                located.member.name()
            );
            assert_eq!((decoded.width, located.slice), (member.width(), 0), "{id:#x}");
            assert_eq!(decoded.number(), member.number(), "{id:#x}");
            if member.row.width == Width::Ulong {
                assert_eq!(located.member.host.xlen, host.xlen, "{id:#x}");
            }
        }
    }
}

#[test]
fn every_register_is_in_the_reference_by_name() {
    let archs = tables();
    let files = artefacts(&archs);
    let page = files.iter().find(|file| file.path == "docs/names.md");
    let names: BTreeSet<_> = page.iter().flat_map(|page| page.text.lines()).collect();
    for member in archs.iter().flat_map(|arch| members(arch, Host::default())) {
        let start =
            format!("| [{}]({}/{}.md#", member.name(), member.arch.name, member.group().name);
        let next = names.range(start.as_str()..).next();
        assert!(next.is_some_and(|line| line.starts_with(&start)), "{start}");
    }
}

#[test]
fn every_register_says_what_its_value_is() {
    for arch in &tables() {
        let undescribed = |member: &Member<'_>| Coverage::of([*member]).undescribed > 0;
        let narrow = Host { xlen: 32, ..Host::default() };
        let all = all_members(arch).chain(members(arch, narrow));
        let names: Vec<_> = all.filter(undescribed).map(|it| it.name()).collect();
        assert!(names.is_empty(), "{}: neither fields nor `content`: {names:?}", arch.name);
    }
}

#[test]
fn every_link_of_the_reference_leads_somewhere() {
    let files = artefacts(&tables());
    let page = |from: &str, link: &str| {
        let (folder, _) = from.rsplit_once('/')?;
        let path = match link.strip_prefix("../") {
            Some(above) => format!("{}/{above}", folder.rsplit_once('/')?.0),
            None => format!("{folder}/{link}"),
        };
        files.iter().find(|file| file.path == path)
    };
    for file in files.iter().filter(|file| file.path.ends_with(".md")) {
        let links = file.text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links {
            let (name, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if name.is_empty() { Some(file) } else { page(&file.path, name) };
            let target = target.unwrap_or_else(|| panic!("{}: {link}", file.path));
            let is_heading = target.text.to_lowercase().contains(&format!("\n## {anchor}\n"));
            let is_anchor = target.text.contains(&format!("<a id=\"{anchor}\"></a>"));
            assert!(anchor.is_empty() || is_heading || is_anchor, "{}: {link}", file.path);
        }
    }
}

#[test]
fn registers_lead_to_relatives_classes_phases_and_structs_in_the_reference() {
    if !present() {
        return;
    }
    let files = artefacts(&tables());
    let cases = [
        ("docs/arm64/core.md", "\n- overlaps: [Z0](sve.md#z)\n"),
        ("docs/arm64/sve.md", "\n- overlaps: [V0](core.md#v)\n"),
        ("docs/mips/fpu.md", "\n- overlaps: [FPR_64_0](#fpr_64), [VEC_128_0](#vec_128)\n"),
        ("docs/x86/msr.md", "\n- class: [derived](README.md#class-derived): follows from"),
        ("docs/x86/msr.md", "\n- phase: [msr](README.md#phase-"),
        ("docs/x86/regs.md", "\n- carried by: [KVM_GET_REGS, KVM_SET_REGS: kvm_regs+0x0088]("),
        (
            "docs/x86/msr.md",
            "| 11 | NXE | bool |  | No-execute bit of page tables; also `EFER_NX` |",
        ),
        ("docs/arm64/README.md", "<summary>1. finalize (1 register)</summary>\n\n[SVE_VLS]("),
    ];
    for (path, text) in cases {
        let page = files.iter().find(|file| file.path == path).unwrap();
        assert!(page.text.contains(text), "{path}: {text}");
    }
}

#[test]
fn every_picture_of_the_reference_is_well_formed() {
    for file in artefacts(&tables()).iter().filter(|file| file.path.ends_with(".svg")) {
        let parsed = roxmltree::Document::parse(&file.text);
        assert!(parsed.is_ok(), "{}: {parsed:?}", file.path);
    }
}

#[test]
fn lists_fit_a_terminal() {
    let Some(output) = onereg(&["list"]) else { return };
    let list = String::from_utf8(output.stdout).unwrap();
    assert!(list.lines().count() > 1500, "{}", list.lines().count());
    let longest = list.lines().map(|line| line.chars().count()).max();
    assert!(longest <= Some(100), "{longest:?}");
}

#[test]
fn what_is_committed_is_up_to_date() {
    let Some(output) = onereg(&["generate", "--check"]) else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Whether the tables are here.
fn present() -> bool {
    let present = root().join("registers").is_dir();
    if !present {
        eprintln!("skipped: no registers/ beside this package");
    }
    present
}

fn onereg(args: &[&str]) -> Option<Output> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onereg"));
    present().then(|| command.args(args).current_dir(root()).output().unwrap())
}

/// Every architecture of the repository; none in a packaged crate.
fn tables() -> Vec<Arch> {
    if !present() {
        return Vec::new();
    }
    let folders =
        fs::read_dir(root().join("registers")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        folders.map(|folder| folder.join("arch.yaml")).filter(|file| file.is_file()).collect();
    files.sort();
    let read = |file: &PathBuf| {
        let sources = Sources::gather(file.to_str().unwrap(), |path| {
            fs::read_to_string(path).map_err(|error| error.to_string())
        });
        load(&sources).unwrap_or_else(|findings| panic!("{}: {findings:?}", file.display()))
    };
    files.iter().map(read).collect()
}

/// Every host on which an architecture's ids differ.
fn hosts(arch: &Arch) -> impl Iterator<Item = Host> + use<> {
    let depends = arch.registers.iter().any(|row| !matches!(row.width, Width::Bits(_)));
    let vlenbs: Vec<u32> = if depends { (0..14).map(|log| 1 << log).collect() } else { vec![16] };
    let xlens = if depends { &[32, 64][..] } else { &[64] };
    xlens
        .iter()
        .flat_map(move |&xlen| vlenbs.clone().into_iter().map(move |vlenb| Host { xlen, vlenb }))
}
