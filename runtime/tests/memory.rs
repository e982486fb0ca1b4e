//! Registers in memory, with and without faults, and what is said of their values.

#![cfg(feature = "kvm")]

use onereg::arm64::{Arm64Registers, CCSIDR, ID_AA64PFR0_EL1, PC, SCTLR_EL1, V, X, Z};
use onereg::riscv::{SSTATUS, V as RISCV_V};
use onereg::x86::{CR0, EFER};
use onereg::{
    Arch, Arm64, ErrorKind, Faulty, Host, Memory, Operation, Place, ReadOnly, ReadWrite, Reg,
    Registers, Riscv, Ulong, Vlenb, WrongType, X86,
};

const EIO: i32 = 5;

#[test]
fn values_of_every_width_come_back() {
    let vcpu = Memory::<Arm64>::new(Host::LP64);
    vcpu.set(X[30], 0x0123_4567_89ab_cdef).unwrap();
    vcpu.set(V[0], u128::MAX - 1).unwrap();
    vcpu.set(Z[31], [0x5a; 256]).unwrap();
    assert_eq!(vcpu.get(X[30]), Ok(0x0123_4567_89ab_cdef));
    assert_eq!(vcpu.get(X[29]), Ok(0));
    assert_eq!(vcpu.get(V[0]), Ok(u128::MAX - 1));
    assert_eq!(vcpu.get(Z[31]), Ok([0x5a; 256]));
    vcpu.update(SCTLR_EL1, |sctlr| sctlr.with_m(true)).unwrap();
    assert!(vcpu.sctlr_el1().unwrap().m());
}

#[test]
fn symbolic_widths_follow_the_host() {
    for (xlen, vlenb, value) in [(32, 16, 0x89ab_cdef), (64, 64, 0x0123_4567_89ab_cdef)] {
        let host = Host::new(xlen, vlenb).unwrap();
        let vcpu = Memory::<Riscv>::new(host);
        vcpu.set(onereg::riscv::PC, Ulong(0x0123_4567_89ab_cdef)).unwrap();
        assert_eq!(vcpu.get(onereg::riscv::PC), Ok(Ulong(value)), "XLEN {xlen}");
        let vector = Vlenb::new(&vec![7; vlenb]).unwrap();
        vcpu.set(RISCV_V[31], vector).unwrap();
        assert_eq!(vcpu.get(RISCV_V[31]), Ok(vector), "vlenb {vlenb}");
        vcpu.update(SSTATUS, |sstatus| sstatus.with_sum(true)).unwrap();
        assert!(vcpu.get(SSTATUS).unwrap().sum());
    }
}

#[test]
fn what_is_not_held_is_absent() {
    let vcpu = Memory::<Arm64>::holding(Host::LP64, [PC.place()]);
    vcpu.set(PC, 4).unwrap();
    assert_eq!(vcpu.get(X[0]).unwrap_err().kind(), ErrorKind::Absent);
    let short = vcpu.read_bytes(PC.place(), &mut [0; 4]).unwrap_err();
    assert_eq!(short.kind(), ErrorKind::Size { given: 4 });
    assert!(short.to_string().contains("4 bytes given, the register has 8"), "{short}");
}

#[test]
fn faults_come_where_they_are_wanted() {
    let vcpu = Faulty::new(Memory::<Arm64>::new(Host::LP64))
        .failing_at(Operation::Set, X[1].place(), EIO)
        .failing_access(3, EIO);
    assert_eq!(vcpu.get(X[1]), Ok(0));
    assert_eq!(vcpu.set(X[1], 1).unwrap_err().kind(), ErrorKind::Errno(EIO));
    vcpu.set(X[2], 2).unwrap();
    assert_eq!(vcpu.get(X[2]).unwrap_err().kind(), ErrorKind::Errno(EIO));
    assert_eq!(vcpu.get(X[2]), Ok(2));
    assert_eq!(vcpu.accesses(), 5);
    assert_eq!(vcpu.inner().get(X[1]), Ok(0));
}

#[test]
fn errors_name_register_id_and_meaning() {
    let vcpu = Faulty::new(Memory::<X86>::new(Host::LP64))
        .failing_at(Operation::Get, EFER.place(), 22)
        .failing_at(Operation::Set, CR0.place(), 22);
    let error = vcpu.get(EFER).unwrap_err().to_string();
    let expected = "KVM_GET_ONE_REG x86 EFER (0x20300002c0000080): EINVAL (22): ";
    assert!(error.starts_with(expected), "{error}");
    let error = vcpu.update(CR0, |cr0| cr0).unwrap_err().to_string();
    assert!(error.starts_with("KVM_SET_SREGS x86 CR0 (kvm_sregs + 0xe0): EINVAL"), "{error}");
}

#[test]
fn registers_found_at_run_time_get_a_type() {
    let x5 = Arm64::TABLE.by_name("X5").unwrap();
    assert_eq!(Reg::<Arm64, u64>::from_info(x5), Ok(X[5]));
    assert!(matches!(Reg::<Arm64, u32>::from_info(x5), Err(WrongType::Width { .. })));
    assert!(matches!(Reg::<Arm64, Ulong>::from_info(x5), Err(WrongType::Width { .. })));
    assert!(matches!(Reg::<X86, u64>::from_info(x5), Err(WrongType::Arch { .. })));
    let fpr = onereg::Mips::TABLE.by_name("FCR_IR").unwrap();
    assert!(Reg::<onereg::Mips, u32, ReadOnly>::from_info(fpr).is_ok());
    let refused = Reg::<onereg::Mips, u32, ReadWrite>::from_info(fpr).unwrap_err();
    assert_eq!(refused.to_string(), "FCR_IR is read-only");
}

#[test]
fn values_are_formatted_with_their_fields() {
    let cr0 = X86::TABLE.by_name("CR0").unwrap();
    let bytes = 0x8000_0001_u64.to_ne_bytes();
    let text = cr0.format(&bytes).to_string();
    assert!(
        text.starts_with("CR0 { PE: 1, MP: 0,") && text.ends_with("PG: 1 } 0x80000001"),
        "{text}"
    );
    let set: Vec<_> = cr0.fields(&bytes).filter(|field| field.value != 0).collect();
    assert_eq!(set.iter().map(|field| field.field.name).collect::<Vec<_>>(), ["PG", "PE"]);
    let x0 = Arm64::TABLE.by_name("X0").unwrap();
    assert_eq!(x0.format(&[1; 8]).to_string(), "X0 0x0101010101010101");
    let z0 = Arm64::TABLE.by_name("Z0").unwrap();
    assert_eq!(z0.format(&[0xab; 256]).to_string().len(), "Z0 0x".len() + 512);
}

#[test]
fn an_id_of_the_host_is_what_is_read() {
    let id = ID_AA64PFR0_EL1.id().unwrap();
    let vcpu = Memory::<Arm64>::new(Host::LP64);
    vcpu.write_bytes(Place::OneReg(id), &7u64.to_ne_bytes()).unwrap();
    assert_eq!(vcpu.get(ID_AA64PFR0_EL1).unwrap().bits(), 7);
    assert_eq!(vcpu.get(CCSIDR[13]).unwrap().bits(), 0);
}
