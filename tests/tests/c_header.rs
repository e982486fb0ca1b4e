//! The C headers: they compile without a warning, and their ids are those of the kernel's own macros.

use std::fs;

use onereg_codegen::emit::c_header::c_headers;
use onereg_tests::command::run;
use onereg_tests::kernel::Kernel;
use onereg_tests::tables;

/// Architectures whose uapi header has a macro for a register's whole id: its prefix, and how many there are at least.
/// In those of riscv and x86, and in most of arm64's, the macros are parts that an id is composed of.
const WITH_MACROS: [(&str, &str, usize); 5] = [
    ("arm64", "KVM_REG_ARM_", 14),
    ("loongarch", "KVM_REG_LOONGARCH_", 9),
    ("mips", "KVM_REG_MIPS_", 42),
    ("powerpc", "KVM_REG_PPC_", 128),
    ("s390", "KVM_REG_S390_", 9),
];

/// The headers: the name without `onereg_` and `.h`, and the text.
fn headers() -> Vec<(String, String)> {
    let archs: Vec<_> = tables::ARCHS
        .iter()
        .map(|arch| tables::arch(arch).unwrap_or_else(|e| panic!("{e}")))
        .collect();
    let name = |path: &str| path.trim_start_matches("onereg_").trim_end_matches(".h").to_owned();
    c_headers(&archs).into_iter().map(|header| (name(&header.path), header.text)).collect()
}

#[test]
fn they_compile_together_without_a_warning() {
    let folder = tables::root().join("target/tmp/c_header");
    fs::create_dir_all(&folder).unwrap();
    let mut program = String::new();
    for (name, text) in headers() {
        fs::write(folder.join(format!("{name}.h")), text).unwrap();
        // The guard makes the second time harmless.
        program += &format!("#include \"{name}.h\"\n#include \"{name}.h\"\n");
    }
    program += "int main(void) { return ONEREG_ARM64_SCTLR_EL1 >> 63; }\n";
    let file = folder.join("all.c");
    fs::write(&file, program).unwrap();
    let mut gcc = std::process::Command::new("gcc");
    gcc.args(["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]);
    run(gcc.arg(file)).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn their_ids_are_those_of_the_kernels_macros() {
    let kernel = Kernel::get().unwrap_or_else(|error| panic!("{error}"));
    let headers = headers();
    for (arch, prefix, least) in WITH_MACROS {
        let (_, text) = headers.iter().find(|(name, _)| name == arch).unwrap();
        let ours = format!("ONEREG_{}_", arch.to_uppercase());
        let macros = kernel.uapi_macros(arch, "asm/kvm.h").unwrap();
        let both: Vec<_> = macros
            .iter()
            .filter_map(|theirs| Some((format!("{ours}{}", theirs.strip_prefix(prefix)?), theirs)))
            .filter(|(ours, _)| text.contains(&format!("#define {ours} ")))
            .collect();
        assert!(least <= both.len(), "{arch}: {} macros", both.len());
        let equal: Vec<_> =
            both.iter().map(|(ours, theirs)| format!("{ours} == {theirs}")).collect();
        let prelude = format!("#include <linux/kvm.h>\n{text}");
        let values = kernel.c_values(arch, &prelude, &equal).unwrap_or_else(|e| panic!("{e}"));
        let differ: Vec<_> = equal
            .iter()
            .zip(values)
            .filter(|(_, value)| *value != 1)
            .map(|(what, _)| what)
            .collect();
        assert!(differ.is_empty(), "{arch}: {differ:#?}");
        println!("{arch}: {} ids are the kernel's", equal.len());
    }
}
