//! What an error says of a refused access: one line, derived from the table.

use onereg::{Arch, Arm64, Error, ErrorKind, Host, Operation, Riscv, WriteRule, X86};

const EPERM: i32 = 1;
const ENOENT: i32 = 2;
const ENOEXEC: i32 = 8;
const EFAULT: i32 = 14;
const EBUSY: i32 = 16;
const EINVAL: i32 = 22;

/// Returns the line of an access to the register `name`.
fn line<A: Arch>(operation: Operation, name: &str, errno: i32, value: &[u8]) -> String {
    let info = A::TABLE.by_name(name).unwrap_or_else(|| panic!("{name}"));
    let kind = ErrorKind::Errno(errno);
    Error::new::<A>(operation, info.place, Host::LP64, kind).with_value(value).to_string()
}

fn set<A: Arch>(name: &str, errno: i32, value: u64) -> String {
    line::<A>(Operation::Set, name, errno, &value.to_ne_bytes())
}

fn get<A: Arch>(name: &str, errno: i32) -> String {
    line::<A>(Operation::Get, name, errno, &[])
}

/// Returns the register of `A` that has this write rule.
fn ruled<A: Arch>(rule: WriteRule) -> &'static str {
    let mut infos = A::TABLE.registers.iter();
    infos.find(|info| info.row.write == rule).map_or("", |info| info.name)
}

#[test]
fn a_refusal_is_explained_in_one_line() {
    let lines = [
        set::<Arm64>("ID_AA64PFR0_EL1", EBUSY, 0x11),
        set::<Arm64>("MIDR_EL1", EINVAL, 1 << 40),
        set::<Arm64>(ruled::<Arm64>(WriteRule::MustMatch), EINVAL, 1),
        set::<Arm64>("SVE_VLS", EPERM, 1),
        get::<Arm64>("Z0", EPERM),
        get::<Arm64>("V0", EINVAL),
        get::<Arm64>("PMCR_EL0", ENOENT),
        get::<Arm64>("POR_EL1", ENOENT),
        get::<Arm64>("PIR_EL1", ENOENT),
        get::<Arm64>("X0", ENOEXEC),
        get::<Arm64>("X0", 99),
        set::<Riscv>("ISA_EXT_V", EBUSY, 1),
        set::<Riscv>("ISA_EXT_V", ENOENT, 1),
        get::<Riscv>("FP_D_FCSR", ENOENT),
        get::<Riscv>("CONFIG_ZICBOM_BLOCK_SIZE", ENOENT),
        set::<Riscv>("TIMER_FREQUENCY", EINVAL, 1),
        set::<Riscv>("TIMER_STATE", EINVAL, 0),
        set::<Riscv>(ruled::<Riscv>(WriteRule::UntilFirstRun), EBUSY, 1),
        set::<X86>("EFER", EINVAL, 1 << 40 | 1),
        set::<X86>("LSTAR", EINVAL, 1 << 63),
        set::<X86>("IA32_XSS", EINVAL, 1 << 63),
        set::<X86>("IA32_MCG_CAP", EINVAL, 1),
        set::<X86>("RIP", EFAULT, 1),
    ];
    let lines = lines.join("\n") + "\n";
    if std::env::var_os("BLESS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/explain.txt");
        std::fs::write(path, &lines).unwrap();
    }
    assert_eq!(lines, include_str!("explain.txt"), "BLESS=1 rewrites explain.txt");
}

#[test]
fn a_value_longer_than_any_with_fields_is_left_out() {
    let long = line::<Arm64>(Operation::Set, "Z0", EPERM, &[0xff; 256]);
    assert!(!long.contains("refused value"), "{long}");
}
