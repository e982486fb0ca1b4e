//! `onereg import`: what it proposes is valid, and has exactly the ids that were given.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::program::{Run, command, copy, empty_folder, folder, onereg, repository, run};

/// Ids of free numbers of the tables in `good`: two widths of one number, each kind of group, each architecture.
const FREE: &[&str] = &[
    "0x4230000000010044",
    "0x4220000000010044",
    "0x4200000000010045",
    "0x42d0000000010046",
    "0x423000000002f0ff",
    "0x4330000002000007",
];

/// Hunks of kernel headers that each add one register, in the words of its header: the path, the hunk, the id and the
/// row. What they do not define is what all ids are made with.
const KERNEL: &[(&str, &str, &str, &str)] = &[
    (
        "arch/arm64/include/uapi/asm/kvm.h",
        "+#define KVM_REG_ARM_NEW_TIMER\t\tARM64_SYS_REG(3, 3, 15, 15, 7)",
        "0x603000000013dfff",
        "name: NEW_TIMER, width: 64, number: {op0: 3, op1: 3, crn: 15, crm: 15, op2: 7}",
    ),
    (
        "arch/arm64/include/uapi/asm/kvm.h",
        "+#define KVM_REG_ARM_WORKAROUND\t\tKVM_REG_ARM_FW_REG(0x7f)",
        "0x603000000014007f",
        "name: WORKAROUND, width: 64, number: 0x7f",
    ),
    (
        "arch/arm64/include/uapi/asm/kvm.h",
        "+#define KVM_REG_ARM64_SVE_NEW\t(KVM_REG_ARM64 | KVM_REG_ARM64_SVE | \\\n+\t\t\tKVM_REG_SIZE_U512 | 0xfffe)",
        "0x606000000015fffe",
        "name: SVE_NEW, width: 512, number: 0xfffe",
    ),
    (
        "arch/arm64/include/asm/sysreg.h",
        "+#define SYS_OTHER_EL1\t\tsys_reg(3, 0, 15, 15, 6)",
        "0x603000000013c7fe",
        "name: OTHER_EL1, width: 64, number: {op0: 3, op1: 0, crn: 15, crm: 15, op2: 6}",
    ),
    (
        "arch/arm64/tools/sysreg",
        "+Sysreg\tTHIRD_EL1\t3\t0\t15\t15\t5\n+Res0\t63:0\n+EndSysreg",
        "0x603000000013c7fd",
        "name: THIRD_EL1, width: 64, number: {op0: 3, op1: 0, crn: 15, crm: 15, op2: 5}",
    ),
    (
        "arch/loongarch/include/asm/loongarch.h",
        "+#define LOONGARCH_CSR_NEW\t\t0xfff\t/* new */\n+#define  CSR_NEW_SHIFT\t\t3",
        "0x9030000000017ff8",
        "name: CSR_NEW, width: 64, number: {index: 0xfff}",
    ),
    (
        "arch/mips/include/asm/kvm_host.h",
        "+#define KVM_REG_MIPS_CP0_NEW\t\tMIPS_CP0_32(31, 7)",
        "0x70200000000100ff",
        "name: CP0_NEW, width: 32, number: {rd: 0x1f, sel: 7}",
    ),
    (
        "arch/powerpc/include/uapi/asm/kvm.h",
        "+#define KVM_REG_PPC_NEW\t(KVM_REG_PPC_TM | KVM_REG_SIZE_U32 | 0xff)",
        "0x10200000800000ff",
        "name: NEW, width: 32, number: 0xff",
    ),
    (
        "arch/riscv/include/uapi/asm/kvm.h",
        " \tKVM_RISCV_SBI_EXT_MPXY,\n+\tKVM_RISCV_SBI_EXT_NEW,\n \tKVM_RISCV_SBI_EXT_MAX,",
        "0x803000000800000e",
        "name: SBI_EXT_NEW, width: ulong, number: {subtype: 0, index: 14}",
    ),
    (
        "arch/s390/include/uapi/asm/kvm.h",
        "+#define KVM_REG_S390_NEW\t(KVM_REG_S390 | KVM_REG_SIZE_U64 | 0xff)",
        "0x50300000000000ff",
        "name: NEW, width: 64, number: 0xff",
    ),
    (
        "arch/x86/include/asm/msr-index.h",
        "+#define MSR_IA32_NEW\t\t0x0000ffff\n+#define NEW_ENABLE\t\tBIT(0)\n+#define MSR_IA32_NEW_ENABLE\tBIT_ULL(7)",
        "0x203000020000ffff",
        "name: IA32_NEW, width: 64, number: 0xffff",
    ),
    (
        "arch/x86/include/asm/msr-index.h",
        "+#define MSR_IA32_NEXT\t\t(MSR_IA32_FEAT_CTL + 0xffbe)\n+#define MSR_IA32_NEXT_BIT\t7",
        "0x203000020000fff8",
        "name: IA32_NEXT, width: 64, number: 0xfff8",
    ),
    (
        "arch/x86/include/uapi/asm/kvm.h",
        " #define KVM_REG_GUEST_SSP\t0\n+#define KVM_REG_GUEST_NEW\t255",
        "0x20300003000000ff",
        "name: GUEST_NEW, width: 64, number: 0xff",
    ),
];

#[test]
fn the_proposed_rows_are_valid_and_have_the_ids() {
    let repository = repository("import-free");
    let list = write(&repository, "ids", &FREE.join("\n"));
    proven(&repository.join("registers"), &list, FREE);
}

#[test]
fn the_ids_of_a_profile_get_the_same_rows_as_those_of_a_list() {
    let folder = empty_folder("import-profile");
    let list = write(&folder, "ids", &format!("# free\n\n{}  # last", FREE.join("\n")));
    let profile = serde_json::json!({"arch": "demo", "registers": [], "unknown": FREE});
    let profile = write(&folder, "profile", &format!("{profile:#}"));
    let (list, profile) = (import("good", &list), import("good", &profile));
    assert_eq!((list.code, &list.stdout), (0, &profile.stdout), "{list:?} {profile:?}");
    assert_eq!(list.stderr, "0 of 6 ids are known\n");
}

#[test]
fn the_real_tables_take_a_row_for_every_number_at_another_width() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../registers");
    if !root.is_dir() {
        return eprintln!("not in the repository: there are no tables to try");
    }
    let repository = empty_folder("import-real");
    let tables = repository.join("registers");
    copy(&root, &tables);
    let ids = as_bytes(tables.to_str().unwrap());
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    assert!(ids.len() > 1000, "{ids:?}");
    let proposed = proven(&tables, &write(&repository, "ids", &ids.join("\n")), &ids);
    let row = "{name: S3_0_C1_C0_0, width: 8, number: {op0: 3, op1: 0, crn: 1, crm: 0, op2: 0}, ";
    assert!(proposed.contains(row), "{proposed}");
}

#[test]
fn the_real_tables_take_the_rows_of_new_macros_of_every_architecture() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../registers");
    if !root.is_dir() {
        return eprintln!("not in the repository: there are no tables to try");
    }
    let repository = empty_folder("import-kernel");
    let tables = repository.join("registers");
    copy(&root, &tables);
    let (mut diff, mut ids) = (String::new(), Vec::new());
    for (path, line, id, _) in KERNEL {
        diff += &format!("--- a/{path}\n+++ b/{path}\n@@ -9,2 +9,3 @@\n{line}\n");
        ids.push(*id);
    }
    let proposed = proven(&tables, &write(&repository, "kernel.diff", &diff), &ids);
    let format = run(command(&["fmt", "--check"]).args(["--tables", tables.to_str().unwrap()]));
    assert_eq!(format.code, 0, "{format:?}");
    for (_, _, id, row) in KERNEL {
        assert!(proposed.contains(&format!("  - {{{row}, doc: ")), "{id} {row}: {proposed}");
    }
}

#[test]
fn what_the_header_of_riscv_numbers_by_its_place_is_named() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../registers");
    if !root.is_dir() {
        return eprintln!("not in the repository: there are no tables to try");
    }
    let path = "arch/riscv/include/uapi/asm/kvm.h\t2026-11-25 12:00:00.000000000 +0000";
    let diff = format!(
        "--- a/{path}\n+++ b/{path}\n@@ -80,2 +80,3 @@ struct kvm_riscv_csr {{\n \tunsigned long senvcfg;\n\
         +\tunsigned long new;\n }};\n@@ -90 +91,2 @@ enum KVM_RISCV_ISA_EXT_ID {{\n+\tKVM_RISCV_ISA_EXT_NEW,\n"
    );
    let file = write(&empty_folder("import-places-of-riscv"), "diff", &diff);
    let run = import(root.to_str().unwrap(), &file);
    assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{run:?}");
    let (name, remedy) = (file.display(), "write its row with `onereg new`");
    let expected = format!(
        "{name}:5:17: error: new has no id: its number is its place in the struct: {remedy}\n\
         {name}:8:3: error: KVM_RISCV_ISA_EXT_NEW has no id: its number follows from lines that the diff leaves out: {remedy}\n\
         0 of 0 ids are known\n"
    );
    assert_eq!(run.stderr, expected);
}

#[test]
fn known_ids_are_counted_and_ids_without_a_place_listed() {
    let folder = empty_folder("import-places");
    let text = "0x4230000000010040\n0x4230000000990000\n0x99300000000000ff\n0x42e0000000010044\n";
    let mixed = import("good", &write(&folder, "ids", text));
    assert_eq!((mixed.code, mixed.stdout.as_str()), (1, ""), "{mixed:?}");
    let expected = "\
        onereg: 0x4230000000990000: no group of demo has it: 64 bits, number 0x990000\n\
        onereg: 0x42e0000000010044: no row is so wide: demo, core, 131072 bits, number 0x44\n\
        onereg: 0x99300000000000ff: no table is for its architecture: code 0x99, 64 bits, number 0xff\n\
        1 of 4 ids are known\n";
    assert_eq!(mixed.stderr, expected);
    let known = import("good", &write(&folder, "known", "4230000000010040\n"));
    assert_eq!((known.code, known.stderr.as_str()), (0, "1 of 1 ids are known\n"), "{known:?}");
}

#[test]
fn an_architecture_has_no_place_for_the_ids_of_others() {
    let list = write(&empty_folder("import-arch"), "ids", &FREE.join("\n"));
    let list = list.to_str().unwrap();
    let run = onereg(&["import", list, "--arch", "wide", "--tables", "good"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stdout.starts_with("# good/wide/core.yaml\n"), "{run:?}");
    assert_eq!(run.stderr.matches("no table is for its architecture").count(), 5, "{run:?}");
}

#[test]
fn every_malformed_line_is_an_error_with_its_place() {
    let folder = empty_folder("import-malformed");
    let lines = "0x1g\n0x42\n  ä\n0x10000000000000000\n+1\nKVM_REG_DEMO | KVM_REG_NONE,\n";
    let profile = "{\n  \"unknown\": [\"0x42\",\n    \"no\", 7.5]}";
    for (text, expected) in [
        (
            lines,
            &[
                ":1:1: error: 0x1g ",
                ":3:3: error: ä ",
                ":4:1: error: 0x1",
                ":5:1: ",
                ":6:1: error: KVM_REG_DEMO | KVM_REG_NONE, is no id: `KVM_REG_NONE` is known neither ",
            ][..],
        ),
        (profile, &[":3:5: error: \"no\" is no id", ":3:11: error: 7.5 is no id"]),
        ("{\n  \"unknown\": [}", &[":2:15: error: no host profile: "]),
        ("{}", &[":1:1: error: no host profile: missing field `unknown`"]),
    ] {
        let run = import("good", &write(&folder, "ids", text));
        assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{run:?}");
        assert_eq!(run.stderr.lines().count(), expected.len(), "{run:?}");
        for (line, part) in run.stderr.lines().zip(expected) {
            assert!(line.contains(&format!("ids{part}")), "{line}: {part}");
        }
    }
}

#[test]
fn a_dash_is_the_input() {
    let mut child = command(&["import", "-", "--tables", "good"]);
    child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"0x4230000000010044\n").unwrap();
    let output = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    let row = "  - {name: CORE_0x44, width: 64, number: 0x44, doc: \"To be described\"}\n";
    assert_eq!(output, format!("# good/demo/core.yaml\n{row}"));
}

/// The ids of the tables in `root` as they would be of registers of a byte, which only vectors can be.
fn as_bytes(root: &str) -> BTreeSet<String> {
    let own = listed(root);
    let is_no_vector = |id: &&String| !id.starts_with("0x80") || !id[10..].starts_with("09");
    let byte = |id: &String| format!("{}0{}", &id[..4], &id[5..]);
    own.iter().filter(is_no_vector).map(byte).filter(|id| !own.contains(id)).collect()
}

/// Appends the rows proposed for `list` to the tables, which stay valid and then have `ids` besides their own.
fn proven(tables: &Path, list: &Path, ids: &[&str]) -> String {
    let root = tables.to_str().unwrap();
    let before = listed(root);
    let proposed = import(root, list);
    assert_eq!(proposed.code, 0, "{proposed:?}");
    for part in proposed.stdout.split("# ").skip(1) {
        let (file, rows) = part.split_once('\n').unwrap();
        let table = fs::read_to_string(file).unwrap();
        fs::write(file, table + rows).unwrap();
    }
    let check = run(command(&["check"]).args(["--tables", root]));
    assert_eq!(check.code, 0, "{check:?}");
    let new: Vec<_> = listed(root).difference(&before).cloned().collect();
    let given: BTreeSet<_> = ids.iter().map(|id| (*id).to_owned()).collect();
    assert_eq!(new, given.into_iter().collect::<Vec<_>>());
    proposed.stdout
}

/// The ids of the tables in `root`.
fn listed(root: &str) -> BTreeSet<String> {
    let run = onereg(&["list", "--format", "json", "--tables", root]);
    let entries: Vec<serde_json::Value> = serde_json::from_str(&run.stdout).unwrap();
    entries.iter().filter_map(|entry| entry["id"].as_str()).map(str::to_owned).collect()
}

fn import(tables: &str, file: &Path) -> Run {
    run(command(&["import", "--tables", tables]).arg(file).current_dir(folder()))
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path
}
