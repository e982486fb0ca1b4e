//! `onereg generate`: complete files, in place, and no others.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::program::{Run, command, empty_folder, repository, run};

#[test]
fn every_file_is_written_once_and_is_then_up_to_date() {
    let repository = repository("generate");
    let first = generate(&repository, &[]);
    assert_eq!(first.code, 0, "{first:?}");
    let files = generated(&repository);
    let names: Vec<_> = files.keys().map(String::as_str).collect();
    let expected = [
        "docs/README.md",
        "docs/block/README.md",
        "docs/block/bits/CONTROL.svg",
        "docs/block/regs.md",
        "docs/demo/README.md",
        "docs/demo/bits/FLAGS.svg",
        "docs/demo/clock.md",
        "docs/demo/core.md",
        "docs/demo/ids.svg",
        "docs/demo/regs.md",
        "docs/demo/sys.md",
        "docs/ioctls.md",
        "docs/names.md",
        "docs/wide/README.md",
        "docs/wide/bits/STATUS.svg",
        "docs/wide/bits/STATUS32.svg",
        "docs/wide/core.md",
        "docs/wide/ids.svg",
        "registers/schema.json",
        "tests/golden/block.ids",
        "tests/golden/demo.ids",
        "tests/golden/wide32.ids",
        "tests/golden/wide64.ids",
    ];
    assert_eq!(names, expected);
    assert_eq!(first.stdout.lines().count(), expected.len(), "{first:?}");

    for args in [&[][..], &["--check"]] {
        let second = generate(&repository, args);
        assert_eq!(second.stdout, "every generated file is up to date\n");
    }
    assert_eq!(generated(&repository), files);
}

#[test]
fn the_same_tables_give_the_same_bytes_anywhere() {
    let (here, there) = (repository("bytes-here"), repository("bytes-there/deeper"));
    generate(&here, &[]);
    generate(&there, &[]);
    assert_eq!(generated(&here), generated(&there));
}

#[test]
fn the_files_may_go_elsewhere() {
    let (repository, out) = (repository("out-from"), empty_folder("out-to"));
    let run = generate(&repository, &["--out", out.to_str().unwrap()]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(generated(&repository).is_empty());
    assert!(generated(&out).contains_key("docs/demo/core.md"));
}

#[test]
fn the_site_goes_into_its_folder_and_nothing_else_is_written() {
    let (repository, site) = (repository("site-from"), empty_folder("site-to"));
    let folder = site.join("html");
    let args = ["--site", folder.to_str().unwrap()];
    let first = generate(&repository, &args);
    assert_eq!(first.code, 0, "{first:?}");
    assert!(generated(&repository).is_empty());
    let files = generated(&site);
    for name in ["html/index.html", "html/index.js", "html/demo.html", "html/site.css"] {
        assert!(files.contains_key(name), "{name}: {first:?}");
    }
    let rows = [
        "<td><a href=\"#X0\">X{0..30}</a></td>",
        "<span class=\"w4 uint\"><i>55</i><i>52</i><b>size</b></span>",
        "<tr id=\"FLAGS.SPLIT\" data-kind=\"uint\" data-bits=\"30:28 9:8\">",
        "Flags, &quot;condition&quot; and mode",
    ];
    for row in rows {
        assert!(files["html/demo.html"].contains(row), "{row}");
    }
    assert_eq!(generate(&repository, &args).stdout, "every generated file is up to date\n");
    assert_eq!(generate(&repository, &[&args[..], &["--check"]].concat()).code, 2);
}

#[test]
fn pages_of_the_site_that_are_no_longer_generated_go_and_others_stay() {
    let (repository, site) = (repository("gone-from"), empty_folder("gone-to"));
    let args = ["--site", site.to_str().unwrap()];
    assert_eq!(generate(&repository, &args).code, 0);
    let page = fs::read_to_string(site.join("demo.html")).unwrap();
    fs::create_dir(site.join("elsewhere")).unwrap();
    for path in ["gone.html", "elsewhere/gone.html"] {
        fs::write(site.join(path), &page).unwrap();
    }
    fs::write(site.join("by-hand.html"), "<!doctype html>\n<title>By hand</title>\n").unwrap();
    assert_eq!(generate(&repository, &args).stdout, "removed gone.html\n");
    let files = generated(&site);
    assert!(files.contains_key("by-hand.html") && files.contains_key("elsewhere/gone.html"));
    assert!(!files.contains_key("gone.html"));
}

#[test]
fn the_json_has_every_place_that_is_listed_and_nothing_else_is_written() {
    let (repository, files) = generated_elsewhere("--json");
    assert_eq!(files.keys().collect::<Vec<_>>(), ["block.json", "demo.json", "wide.json"]);
    for xlen in ["32", "64"] {
        let mut places = String::new();
        for (file, text) in &files {
            let arch = file.trim_end_matches(".json");
            let model: Value = serde_json::from_str(text).unwrap();
            let rows = model["registers"].as_array().unwrap();
            for member in rows.iter().flat_map(|row| row["members"].as_array().unwrap()) {
                if let Some(place) = member[format!("place{xlen}")].as_str() {
                    places += &format!("{arch} {} {place}\n", member["name"].as_str().unwrap());
                }
            }
        }
        assert_eq!(places, listed(&repository, xlen));
    }
}

#[test]
fn the_restructured_text_has_the_bits_of_ids_and_nothing_else_is_written() {
    let (_, files) = generated_elsewhere("--rst");
    assert_eq!(files.keys().collect::<Vec<_>>(), ["demo.rst", "wide.rst"]);
    let lines = [
        "\n  demo X0       64\n  ...\n  demo X30      64\n",
        "\n  0x4220 0000 0001 <number:16>  (32-bit)\n",
        "\n  0x4230 0000 0002 <op:4> <reg:12>\n",
        "\n  0x4230 0000 0002 2000 KICK     64   Starts something (write-only)\n",
    ];
    for line in lines {
        assert!(files["demo.rst"].contains(line), "{line}: {}", files["demo.rst"]);
    }
    let hosts = "  0x4320 0000 0200 <number:16>  (32-bit host)\n  0x4330 0000 0200 <number:16>  (64-bit host)\n";
    assert!(files["wide.rst"].contains(hosts), "{}", files["wide.rst"]);
}

#[test]
fn a_description_for_gdb_has_fields_as_flags_and_nothing_else_is_written() {
    let (_, files) = generated_elsewhere("--gdb");
    assert_eq!(files.keys().collect::<Vec<_>>(), ["demo.xml", "wide32.xml", "wide64.xml"]);
    let lines = [
        "<evalue name=\"Kernel\" value=\"5\"/>",
        "<flags id=\"FLAGS\" size=\"4\">\n<field name=\"N\" start=\"31\" end=\"31\"/>",
        "<field name=\"SPLIT[1:0]\" start=\"8\" end=\"9\"/>",
        "<field name=\"MODE\" start=\"0\" end=\"3\" type=\"FLAGS.MODE\"/>",
        "<reg name=\"X30\" bitsize=\"64\" type=\"uint64\" group=\"core\" save-restore=\"no\"/>",
        "<reg name=\"FLAGS\" bitsize=\"32\" type=\"FLAGS\" group=\"core\" save-restore=\"no\"/>",
        "<reg name=\"Z3\" bitsize=\"2048\" type=\"bytes256\" group=\"core\" save-restore=\"no\"/>",
    ];
    for line in lines {
        assert!(files["demo.xml"].contains(line), "{line}: {}", files["demo.xml"]);
    }
    for name in ["ID_OLD", "KICK", "GONE"] {
        assert!(!files["demo.xml"].contains(name), "{name}");
    }
    assert!(files["wide32.xml"].contains("<reg name=\"pc\" bitsize=\"32\" type=\"uint32\""));
}

#[test]
fn a_check_names_each_stale_file_and_writes_nothing() {
    let repository = repository("stale");
    generate(&repository, &[]);
    fs::write(repository.join("tests/golden/demo.ids"), "PC 0x1 64\n").unwrap();
    fs::remove_file(repository.join("docs/wide/README.md")).unwrap();
    for (old, gone) in [
        ("docs/block/README.md", "docs/gone.md"),
        ("docs/block/regs.md", "docs/block/gone.md"),
        ("docs/block/bits/CONTROL.svg", "docs/block/bits/GONE.svg"),
    ] {
        fs::copy(repository.join(old), repository.join(gone)).unwrap();
    }
    fs::write(repository.join("docs/by-hand.md"), "# Notes\n").unwrap();
    let before = generated(&repository);

    let check = generate(&repository, &["--check"]);
    let lines: Vec<_> = check.stderr.lines().collect();
    let expected = [
        "onereg: docs/wide/README.md is not up to date",
        "onereg: tests/golden/demo.ids is not up to date",
        "onereg: docs/block/bits/GONE.svg is no longer generated",
        "onereg: docs/block/gone.md is no longer generated",
        "onereg: docs/gone.md is no longer generated",
        "onereg: run `onereg generate`",
    ];
    assert_eq!((check.code, lines.as_slice()), (1, &expected[..]));
    assert_eq!(generated(&repository), before);

    let write = generate(&repository, &[]);
    assert_eq!(
        write.stdout,
        "wrote docs/wide/README.md\nwrote tests/golden/demo.ids\nremoved docs/block/bits/GONE.svg\n\
         removed docs/block/gone.md\nremoved docs/gone.md\n"
    );
    assert!(repository.join("docs/by-hand.md").exists());
}

#[test]
fn one_changed_row_reaches_the_reference_and_the_listing() {
    let repository = repository("one-row");
    generate(&repository, &[]);
    let path = repository.join("registers/demo/core.yaml");
    let table = fs::read_to_string(&path).unwrap();
    fs::write(
        &path,
        table.replace("name: PC, width: 64, number: 0x40", "name: NPC, width: 32, number: 0x41"),
    )
    .unwrap();
    let run = generate(&repository, &[]);
    assert_eq!(
        run.stdout,
        "wrote docs/names.md\nwrote docs/demo/README.md\nwrote docs/demo/core.md\nwrote tests/golden/demo.ids\n"
    );
    let files = generated(&repository);
    assert!(files["tests/golden/demo.ids"].contains("NPC 0x4220000000010041 32\n"));
    for page in ["docs/demo/core.md", "docs/names.md"] {
        assert!(
            files[page].contains("NPC") && files[page].contains("`0x4220000000010041`"),
            "{page}"
        );
    }
}

#[test]
fn a_broken_table_writes_nothing() {
    let repository = repository("broken");
    fs::write(repository.join("registers/wide/core.yaml"), "registers: [\n").unwrap();
    for args in [&[][..], &["--check"]] {
        let run = generate(&repository, args);
        assert_eq!((run.code, run.stdout.as_str()), (1, ""));
        assert!(run.stderr.starts_with("registers/wide/core.yaml:"), "{run:?}");
    }
    assert!(generated(&repository).is_empty());
}

#[test]
fn a_file_that_cannot_be_replaced_leaves_no_other_behind() {
    let repository = repository("in-the-way");
    fs::create_dir_all(repository.join("docs/demo/core.md/folder")).unwrap();
    let run = generate(&repository, &[]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("docs/demo/core.md"), "{run:?}");
    let left: Vec<_> =
        generated(&repository).into_keys().filter(|name| name.contains("/.")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn two_architectures_never_share_a_file() {
    let repository = repository("shared-file");
    let path = repository.join("registers/block/arch.yaml");
    fs::write(&path, fs::read_to_string(&path).unwrap().replace("arch: block", "arch: wide32"))
        .unwrap();
    let run = generate(&repository, &[]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("two files would be tests/golden/wide32.ids"), "{run:?}");
    assert!(generated(&repository).is_empty());
}

#[test]
fn every_register_is_in_the_reference_by_name() {
    let repository = repository("by-name");
    generate(&repository, &[]);
    let files = generated(&repository);
    for name in ["X0", "X17", "X30", "ID_OLD", "RB", "high", "v1", "CONTROL"] {
        assert!(files["docs/names.md"].contains(&format!("| [{name}](")), "{name}");
    }
    let pages = files.iter().filter(|(name, _)| name.starts_with("docs/demo/"));
    let demo: String = pages.map(|(_, text)| text.as_str()).collect();
    let rows = [
        "| demo | [X0](#x) | 64 | `0x4230000000010000` | rw |  |  | General-purpose register |",
        "| demo | ... |  |  |  |  |  |  |",
        "| demo | [X30](#x) | 64 | `0x423000000001003c` | rw |  |  | General-purpose register |",
        "| demo | [ID](#id) | 64 | `0x4230000000020001` | rw, must-match |  |  | Who the CPU is |",
        "| demo | [CTL](#ctl) | 64 | `0x4230000000021000` | rw | `cap:KVM_CAP_DEMO`, `backend:hv\\|pr` | 6.18 | Control |",
        "| [core](core.md) | `0x00010000` | 15..0 | 41 | Core registers |",
        "| `core` | 1 | 0 | 0 | 0 | 40 |",
        "| `sys` | 0 | 0 | 2 | 1 | 3 |",
        "![Bits of FLAGS](bits/FLAGS.svg)",
        "- in Rust: `vcpu.get(onereg::demo::X[0])?`",
        "- in Rust: `vcpu.get(onereg::demo::Z[0])?`",
        "| 3..0 | MODE | enum | 0x0 User, 0x5 Kernel | Mode \\| level |",
        "| 30..28, 9..8 | SPLIT | uint |  |  |",
    ];
    for row in rows {
        assert!(demo.lines().any(|line| line == row), "{row}\n{demo}");
    }
}

/// Generates into the folder of `flag`: nothing else is written, the files are then up to date, and no other flag goes
/// with it. Returns the repository and the files.
fn generated_elsewhere(flag: &str) -> (PathBuf, BTreeMap<String, String>) {
    let name = flag.trim_start_matches('-');
    let repository = repository(&format!("{name}-from"));
    let folder = empty_folder(&format!("{name}-to"));
    let args = [flag, folder.to_str().unwrap()];
    let first = generate(&repository, &args);
    assert_eq!(first.code, 0, "{first:?}");
    assert!(generated(&repository).is_empty());
    let again = generate(&repository, &args);
    assert_eq!(again.stdout, "every generated file is up to date\n");
    for other in [&["--check"][..], &["--site", "elsewhere"]] {
        assert_eq!(generate(&repository, &[&args[..], other].concat()).code, 2);
    }
    (repository, generated(&folder))
}

fn generate(repository: &Path, args: &[&str]) -> Run {
    run(command(&[&["generate"], args].concat()).current_dir(repository))
}

/// What `onereg list` says on a host of this XLEN: `ARCH NAME PLACE`, one a line.
fn listed(repository: &Path, xlen: &str) -> String {
    let list = run(command(&["list", "--xlen", xlen]).current_dir(repository));
    assert_eq!(list.code, 0, "{list:?}");
    let line = |line: &str| {
        let words: Vec<_> = line.split_whitespace().take(3).collect();
        words.join(" ") + "\n"
    };
    list.stdout.lines().map(line).collect()
}

/// Every file but the tables, by its path in the repository.
fn generated(repository: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut folders: Vec<PathBuf> = vec![repository.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_none_or(|extension| extension != "yaml") {
                let name = path.strip_prefix(repository).unwrap().to_str().unwrap().to_owned();
                files.insert(name, fs::read_to_string(path).unwrap());
            }
        }
    }
    files
}

#[test]
fn the_c_headers_go_into_their_folder_and_nothing_else_is_written() {
    let (repository, files) = generated_elsewhere("--c-header");
    let names = ["onereg_block.h", "onereg_demo.h", "onereg_wide32.h", "onereg_wide64.h"];
    assert_eq!(files.keys().collect::<Vec<_>>(), names);
    for (file, arch, xlen) in [(names[1], "demo", "64"), (names[2], "wide", "32")] {
        for row in listed(&repository, xlen).lines() {
            let [of, name, place] = *row.split(' ').collect::<Vec<_>>() else { panic!("{row}") };
            let id = format!("_{} {place}ULL\n", name.to_uppercase());
            assert!(of != arch || place.contains('+') || files[file].contains(&id), "{row}");
        }
    }
}
