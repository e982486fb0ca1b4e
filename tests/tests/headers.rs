//! What holds for every diff of headers, also for one that no kernel could have: diffs made up at random.

use arbtest::arbitrary::{Result, Unstructured};
use arbtest::arbtest;
use onereg_codegen::header::added;
use onereg_codegen::query::decode;
use onereg_tests::tables::{archs_in, root};

/// What lines begin with.
const HEADS: &[&str] = &[
    "+#define KVM_REG_ARM64_A ",
    "+#define KVM_REG_PPC_A(a, b) ",
    " #define KVM_REG_ARM_B \\\n+",
    "-#define KVM_REG_ARM_C ",
    "+# define MSR_A ",
    "+#define LOONGARCH_CSR_A ",
    "+#define SYS_A_EL1 ",
    "+#define HELP(a) ",
    "+Sysreg A_EL1 ",
    "+\tKVM_RISCV_ISA_EXT_A = ",
    "+\tKVM_RISCV_SBI_EXT_A,",
    "@@ -1 +1 @@ ",
    "+++ b/arch/x86/include/uapi/asm/kvm.h",
    "--- a/ä",
    "\\ No newline",
    "",
];

/// What may stand behind that, in any order.
const VALUES: &str = "KVM_REG_ARM64 KVM_REG_SIZE_U64 KVM_REG_ARM_CORE KVM_REG_ARM64_A KVM_REG_PPC_A(1,2) MSR_A 0 ~0 -1 \
    (KVM_REG_PPC|KVM_REG_SIZE_U64) ARM64_SYS_REG(3,3,14,2,1) KVM_REG_ARM_FW_REG(7) KVM_IOC_CSRID(1) sys_reg a b 077 \
    MIPS_CP0_32(99,1) HELP(a) BIT(70) GENMASK(0,9) 0x7 99999999999999999999 0xffffffffffffffffULL";

/// What may stand between two of them.
const SIGNS: &[&str] = &[
    "|", "|", "|", "&", "^", "<<", ">>", "+", "-", "*", "/", "(", ")", ",", "<", "#", "ä", "\\",
    "/*", "*/", "//", "\r", "\n+", "\n ", "",
];

fn text(u: &mut Unstructured<'_>) -> Result<String> {
    let mut text = String::from("--- a/kvm.h\n+++ b/kvm.h\n@@ -1 +1 @@\n");
    let values: Vec<&str> = VALUES.split_whitespace().collect();
    while !u.is_empty() {
        text.push_str(u.choose(HEADS)?);
        for _ in 0..u.int_in_range(0..=3)? {
            text.push_str(u.choose(&values)?);
            text.push_str(u.choose(&["", " "])?);
            text.push_str(u.choose(SIGNS)?);
        }
        text.push_str(u.choose(&values)?);
        text.push('\n');
    }
    Ok(text)
}

#[test]
fn what_a_diff_adds_is_named_where_it_stands_and_has_an_id_or_a_reason() {
    let archs = archs_in(&root()).unwrap_or_else(|error| panic!("{error}"));
    arbtest(|u| {
        let text = text(u)?;
        for found in added(&archs, &text) {
            let own =
                text[found.offset..].split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next();
            let own = own.unwrap_or_default();
            assert!(found.macro_name.ends_with(own) && !own.is_empty(), "{found:?}: {text}");
            assert!(found.macro_name.ends_with(&found.name), "{found:?}");
            match &found.id {
                Ok(id) => assert!(decode(&archs, *id).arch.is_some(), "{found:?}: {text}"),
                Err(reason) => assert!(!reason.is_empty() && reason.len() < 200, "{found:?}"),
            }
        }
        Ok(())
    });
}

#[test]
fn the_deepest_expressions_end() {
    let archs = archs_in(&root()).unwrap_or_else(|error| panic!("{error}"));
    for body in [
        "(".repeat(100_000),
        "~".repeat(100_000),
        "1 + ".repeat(100_000),
        "KVM_REG_PPC_A".to_owned(),
    ] {
        let diff = format!("@@ -1 +1 @@\n+#define KVM_REG_PPC_A {body}\n");
        let found = added(&archs, &diff);
        let why = found[0].id.as_ref().expect_err("it has no value");
        assert_eq!(why, "it is too long, or stands for itself");
    }
    // Each macro is twice the one before.
    let doubled =
        |n| format!("+#define KVM_REG_PPC_A{n} (KVM_REG_PPC_A{0} + KVM_REG_PPC_A{0})\n", n - 1);
    let diff = format!("@@ -1 +1 @@\n{}", (1..64).map(doubled).collect::<String>());
    assert_eq!(added(&archs, &diff).len(), 63);
}
