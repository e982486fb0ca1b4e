//! Registers of a vCPU of this host's KVM, compared with what another crate reads.
//!
//! Without /dev/kvm the tests fail where `CI=true`, and say that they skip elsewhere.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
// UNSAFETY: `kvm_ioctls` gives file descriptors only as numbers, and seccomp filters are installed by pointer.
#![expect(unsafe_code, reason = "BorrowedFd of a number, and prctl")]

use std::collections::BTreeMap;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::{env, thread};

use kvm_bindings::{KVM_MAX_CPUID_ENTRIES, Msrs, kvm_msr_entry};
use kvm_ioctls::{Kvm, VcpuFd, VmFd};
use onereg::kvm::Vcpu;
use onereg::x86::{
    CR0, CS_BASE, EFER, GUEST_SSP, IA32_SYSENTER_CS, IA32_SYSENTER_EIP, IA32_SYSENTER_ESP, LSTAR,
    R15, RAX, RBX, RFLAGS, RIP, RSP, STAR, XCR0,
};
use onereg::{
    Arch, Class, ErrorKind, Listed, OnFailure, Operation, Place, Plan, Reg, Registers, X86,
};

/// A VM with a vCPU that has the CPUID which KVM supports.
struct Machine {
    kvm: Kvm,
    _vm: VmFd,
    vcpu: VcpuFd,
}

impl Machine {
    /// Creates one; `None`, said aloud, where there is no KVM and none was promised.
    fn new() -> Option<Machine> {
        let kvm = match Kvm::new() {
            Ok(kvm) => kvm,
            Err(error) if env::var_os("CI").is_some_and(|value| value == "true") => {
                panic!("CI=true promises /dev/kvm, but it does not open: {error}")
            }
            Err(error) => {
                println!("skipped: /dev/kvm does not open: {error}");
                return None;
            }
        };
        let vm = kvm.create_vm().unwrap();
        let vcpu = vm.create_vcpu(0).unwrap();
        vcpu.set_cpuid2(&kvm.get_supported_cpuid(KVM_MAX_CPUID_ENTRIES).unwrap()).unwrap();
        Some(Machine { kvm, _vm: vm, vcpu })
    }

    fn fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the vCPU owns the descriptor and outlives the borrow.
        unsafe { BorrowedFd::borrow_raw(self.vcpu.as_raw_fd()) }
    }

    /// Reads an MSR by KVM_GET_MSRS.
    fn msr(&self, index: u32) -> Option<u64> {
        let entry = kvm_msr_entry { index, ..Default::default() };
        let mut msrs = Msrs::from_entries(&[entry]).unwrap();
        (self.vcpu.get_msrs(&mut msrs) == Ok(1)).then(|| msrs.as_slice()[0].data)
    }
}

/// Returns whether a register stays as it is while nothing runs.
fn is_steady(id: u64) -> bool {
    X86::TABLE.by_id(id).is_none_or(|info| info.row.class != Class::Volatile)
}

#[test]
fn every_listed_msr_reads_as_by_get_msrs() {
    let Some(machine) = Machine::new() else { return };
    let fd = machine.fd();
    let vcpu = Vcpu::<X86>::over(&fd);
    let list = machine.kvm.get_msr_index_list().unwrap();
    let mut compared = 0;
    for index in list.as_slice() {
        let id = EFER.id().unwrap() & !0xffff_ffff | u64::from(*index);
        let mut value = [0; 8];
        let ours = vcpu.get_raw(id, &mut value).map(|()| u64::from_ne_bytes(value));
        assert_eq!(ours.is_ok(), machine.msr(*index).is_some(), "{id:#x}");
        if is_steady(id) {
            assert_eq!(ours.ok(), machine.msr(*index), "{id:#x}");
            compared += 1;
        }
    }
    assert!(compared > 20, "only {compared} MSRs");
    println!("{compared} of {} MSRs compared", list.as_slice().len());
}

#[test]
fn the_list_of_msrs_is_the_kernels_whole_list() {
    let Some(machine) = Machine::new() else { return };
    // SAFETY: the device owns the descriptor and outlives the borrow.
    let fd = unsafe { BorrowedFd::borrow_raw(machine.kvm.as_raw_fd()) };
    let system = onereg::kvm::Kvm::over(&fd);
    let numbers = |ids: Vec<u64>| ids.iter().map(|id| *id as u32).collect::<Vec<u32>>();
    let expected = machine.kvm.get_msr_index_list().unwrap();
    assert_eq!(numbers(system.msr_list().unwrap()), expected.as_slice());
    let expected = machine.kvm.get_msr_feature_index_list().unwrap();
    assert_eq!(numbers(system.msr_feature_list().unwrap()), expected.as_slice());
    let listed = |info: &&onereg::Info| info.row.listed == Listed::MsrList;
    let in_table = X86::TABLE.registers.iter().filter(listed).count();
    assert!(in_table >= system.msr_list().unwrap().len(), "the table lacks listed MSRs");
    for id in system.msr_list().unwrap() {
        assert!(X86::TABLE.by_id(id).is_some(), "{id:#x} is in no table");
    }
}

#[test]
fn a_written_msr_reads_as_by_get_msrs() {
    let Some(machine) = Machine::new() else { return };
    let fd = machine.fd();
    let vcpu = Vcpu::<X86>::over(&fd);
    let registers = [LSTAR, STAR, IA32_SYSENTER_ESP, IA32_SYSENTER_EIP];
    for (register, value) in registers.into_iter().zip(0x1_2000..) {
        vcpu.set(register, value).unwrap();
        assert_eq!(vcpu.get(register), Ok(value));
        assert_eq!(machine.msr(register.id().unwrap() as u32), Some(value), "{register:?}");
    }
    assert_eq!(vcpu.get_many(registers).unwrap(), [0x1_2000, 0x1_2001, 0x1_2002, 0x1_2003]);
}

#[test]
fn an_id_that_does_not_exist_is_explained() {
    let Some(machine) = Machine::new() else { return };
    let fd = machine.fd();
    let vcpu = Vcpu::<X86>::over(&fd);
    let msr = EFER.id().unwrap() & !0xffff_ffff | 0x4242;
    let wrong_size = EFER.id().unwrap() ^ 1 << 52;
    let cases: [(u64, &mut [u8], &str); 3] = [
        (msr, &mut [0; 8], "x86 register without a name (0x2030000200004242): EINVAL (22): "),
        (
            wrong_size,
            &mut [0; 4],
            "x86 register without a name (0x20200002c0000080): EINVAL (22): ",
        ),
        (msr, &mut [0; 4], "(0x2030000200004242): 4 bytes given, the register has 8"),
    ];
    for (id, value, expected) in cases {
        let error = vcpu.get_raw(id, value).unwrap_err();
        assert_eq!(error.operation(), Operation::Get);
        assert!(error.to_string().starts_with("KVM_GET_ONE_REG "), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
        let error = vcpu.set_raw(id, value).unwrap_err();
        assert!(error.to_string().starts_with("KVM_SET_ONE_REG "), "{error}");
    }
}

#[test]
fn a_refused_value_is_explained() {
    let Some(machine) = Machine::new() else { return };
    let fd = machine.fd();
    let vcpu = Vcpu::<X86>::over(&fd);
    // Not canonical.
    let error = vcpu.set(LSTAR, 1 << 63).unwrap_err();
    let expected = "KVM_SET_ONE_REG x86 LSTAR (0x20300002c0000082): EINVAL (22): ";
    assert!(error.to_string().starts_with(expected), "{error}");
    assert_eq!(error.kind(), ErrorKind::Errno(22));
    assert_eq!(error.place(), LSTAR.place());
}

#[test]
fn a_register_of_a_struct_leaves_the_others() {
    let Some(machine) = Machine::new() else { return };
    let fd = machine.fd();
    let vcpu = Vcpu::<X86>::over(&fd);
    let before = machine.vcpu.get_regs().unwrap();
    vcpu.set(RBX, 0x1234).unwrap();
    let expected = kvm_bindings::kvm_regs { rbx: 0x1234, ..before };
    assert_eq!(machine.vcpu.get_regs().unwrap(), expected);
    let before = machine.vcpu.get_sregs().unwrap();
    vcpu.update(CR0, |cr0| cr0.with_wp(true)).unwrap();
    let expected = kvm_bindings::kvm_sregs { cr0: before.cr0 | 1 << 16, ..before };
    assert_eq!(machine.vcpu.get_sregs().unwrap(), expected);
    assert_eq!(
        vcpu.get(XCR0).map(|xcr0| xcr0.bits()),
        Ok(machine.vcpu.get_xcrs().unwrap().xcrs[0].value)
    );
}

#[test]
fn every_struct_comes_back_as_it_was() {
    let Some(machine) = Machine::new() else { return };
    let fd = machine.fd();
    let vcpu = Vcpu::<X86>::over(&fd);
    for carrier in X86::TABLE.carriers {
        let in_it =
            |place: &Place| matches!(place, Place::Via { carrier: of, .. } if of == carrier);
        let places = X86::TABLE.registers.iter().map(|info| info.place).filter(in_it);
        let plan = Plan::new(vcpu.host(), places);
        let mut before = vec![0; plan.size()];
        let read = vcpu.read_plan(&plan, &mut before, OnFailure::Continue);
        // Only a struct as a whole may be missing: there is no in-kernel local APIC.
        if let Err(error) = read {
            assert_eq!(error.failures().len(), plan.slots().len(), "{}: {error}", carrier.name);
            assert_eq!(carrier.name, "lapic", "{error}");
            continue;
        }
        vcpu.write_plan(&plan, &before, OnFailure::Stop).unwrap();
        let mut after = vec![0; plan.size()];
        vcpu.read_plan(&plan, &mut after, OnFailure::Stop).unwrap();
        assert!(before == after, "{} changed", carrier.name);
    }
}

#[test]
fn bulk_calls_agree_with_single_ones() {
    let Some(machine) = Machine::new() else { return };
    let fd = machine.fd();
    let vcpu = Vcpu::<X86>::over(&fd);
    let registers = X86::TABLE.registers.iter().filter(|info| info.row.class != Class::Volatile);
    let infos: Vec<_> = registers.collect();
    let plan = Plan::new(vcpu.host(), infos.iter().map(|info| info.place));
    let mut bytes = vec![0; plan.size()];
    let result = vcpu.read_plan(&plan, &mut bytes, OnFailure::Continue);
    let failures: BTreeMap<usize, ErrorKind> = result
        .err()
        .iter()
        .flat_map(|error| error.failures())
        .map(|failure| (failure.position, failure.error.kind()))
        .collect();
    for (position, (info, slot)) in infos.iter().zip(plan.slots()).enumerate() {
        let mut alone = vec![0; slot.bytes(&bytes).len()];
        match vcpu.read_bytes(info.place, &mut alone) {
            Ok(()) => assert_eq!(slot.bytes(&bytes), alone, "{}", info.name),
            Err(error) => assert_eq!(failures.get(&position), Some(&error.kind()), "{error}"),
        }
    }
    assert!(failures.len() < infos.len() / 2, "{} of {} failed", failures.len(), infos.len());
}

#[test]
fn a_failed_plan_is_rolled_back() {
    let Some(machine) = Machine::new() else { return };
    let fd = machine.fd();
    let vcpu = Vcpu::<X86>::over(&fd);
    vcpu.set_many((RAX, STAR, IA32_SYSENTER_CS), (1, 2, 3)).unwrap();
    let registers = machine.vcpu.get_regs().unwrap();
    let system = machine.vcpu.get_sregs().unwrap();
    let error = vcpu
        .set_many_or(
            (RAX, CS_BASE, STAR, LSTAR, R15),
            (0x11, 0x22, 0x33, 1 << 63, 0x44),
            OnFailure::RollBack,
        )
        .unwrap_err();
    assert_eq!(error.failures().len(), 1);
    assert_eq!(error.failures()[0].error.name(), Some("LSTAR"));
    // Registers that cross in one struct are written together.
    assert_eq!(error.done(), [0, 4, 1, 2]);
    assert!(error.not_restored().is_empty(), "{error}");
    assert_eq!(machine.vcpu.get_regs().unwrap(), registers);
    assert_eq!(machine.vcpu.get_sregs().unwrap(), system);
    assert_eq!(vcpu.get_many((STAR, IA32_SYSENTER_CS, LSTAR)).unwrap(), (2, 3, 0));
}

#[test]
fn stop_at_the_first_failure_keeps_what_was_written() {
    let Some(machine) = Machine::new() else { return };
    let fd = machine.fd();
    let vcpu = Vcpu::<X86>::over(&fd);
    let error = vcpu.set_many((STAR, LSTAR, RAX), (5, 1 << 63, 6)).unwrap_err();
    assert_eq!(error.done(), [0]);
    assert_eq!(vcpu.get_many((STAR, LSTAR, RAX)).unwrap(), (5, 0, 0));
    let values = (7, 1 << 63, 8);
    let error = vcpu.set_many_or((STAR, LSTAR, RAX), values, OnFailure::Continue).unwrap_err();
    assert_eq!(error.done(), [0, 2]);
    assert_eq!(vcpu.get_many((STAR, LSTAR, RAX)).unwrap(), (7, 0, 8));
}

#[test]
fn msrs_beyond_one_call_are_all_read() {
    let Some(machine) = Machine::new() else { return };
    let fd = machine.fd();
    let vcpu = Vcpu::<X86>::over(&fd);
    vcpu.set(STAR, 9).unwrap();
    let many = vec![STAR; 600];
    assert_eq!(vcpu.get_many(many.as_slice()).unwrap(), vec![9; 600]);
}

#[test]
fn a_struct_that_refuses_a_value_names_the_registers_in_it() {
    let Some(machine) = Machine::new() else { return };
    let fd = machine.fd();
    let vcpu = Vcpu::<X86>::over(&fd);
    // Paging without protected mode.
    let error = vcpu.update(CR0, |cr0| cr0.with_pg(true).with_pe(false)).unwrap_err();
    assert!(error.to_string().starts_with("KVM_SET_SREGS x86 CR0 (kvm_sregs + 0xe0): "), "{error}");
}

#[test]
fn the_register_list_has_the_shadow_stack_pointer_at_most() {
    let Some(machine) = Machine::new() else { return };
    let fd = machine.fd();
    let vcpu = Vcpu::<X86>::over(&fd);
    let list = match vcpu.reg_list() {
        Ok(list) => list,
        // Before Linux 6.18.
        Err(error) => return assert_eq!(error.raw_os_error(), Some(22)),
    };
    assert_eq!(list.contains(&GUEST_SSP.id().unwrap()), vcpu.get(GUEST_SSP).is_ok());
    assert!(list.len() <= 1, "{list:x?}");
}

#[test]
fn registers_without_a_row_are_typed_by_hand() {
    let Some(machine) = Machine::new() else { return };
    let fd = machine.fd();
    let vcpu = Vcpu::<X86>::over(&fd);
    let star = Reg::<X86, u64>::new(Place::OneReg(STAR.id().unwrap()));
    vcpu.set(star, 77).unwrap();
    assert_eq!(vcpu.get(STAR), Ok(77));
}

#[test]
fn a_kernel_without_ids_for_msrs_makes_no_difference() {
    let Some(machine) = Machine::new() else { return };
    let fd = machine.fd();
    let vcpu = Vcpu::<X86>::over(&fd);
    vcpu.set_many((STAR, RSP, RIP), (0x1234, 0x5678, 0x9abc)).unwrap();
    let steady = X86::TABLE.registers.iter().filter(|info| info.row.class != Class::Volatile);
    let infos: Vec<_> = steady.filter(|info| info.row.group == "msr").collect();
    let read_all = || -> Vec<Result<u64, ErrorKind>> {
        let read = |info: &&&onereg::Info| {
            let register = Reg::<X86, u64>::new(info.place);
            vcpu.get(register).map_err(|error| error.kind())
        };
        infos.iter().map(|info| read(&info)).collect()
    };
    let by_id = read_all();
    let (by_msrs, written) = thread::scope(|scope| {
        let old_kernel = scope.spawn(|| {
            refuse_one_reg();
            // The premise: ids are refused now, also that of a register which is no MSR.
            assert!(machine.vcpu.get_one_reg(STAR.id().unwrap(), &mut [0; 8]).is_err());
            let by_msrs = read_all();
            let written = vcpu.set(STAR, 0x4321).and_then(|()| vcpu.get(STAR));
            assert!(vcpu.set(LSTAR, 1 << 63).is_err());
            (by_msrs, written)
        });
        old_kernel.join().unwrap()
    });
    assert_eq!(by_id, by_msrs);
    assert!(by_id.iter().filter(|value| value.is_ok()).count() > 20);
    assert_eq!(written, Ok(0x4321));
    assert_eq!(vcpu.get_many((STAR, RSP, RFLAGS)).unwrap().0, 0x4321);
}

/// Lets KVM_GET_ONE_REG and KVM_SET_ONE_REG fail with EINVAL in this thread, as on x86 before Linux 6.18.
fn refuse_one_reg() {
    const GET: u32 = 0x4010_aeab;
    const SET: u32 = 0x4010_aeac;
    let statement = |code: u32, k: u32| libc::sock_filter { code: code as u16, jt: 0, jf: 0, k };
    let load = |offset| statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset);
    let end = |action| statement(libc::BPF_RET | libc::BPF_K, action);
    let equal = |k, jt, jf| libc::sock_filter {
        code: (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16,
        jt,
        jf,
        k,
    };
    // struct seccomp_data: the number of the system call at 0, its second argument at 24.
    let mut program = [
        load(0),
        equal(libc::SYS_ioctl as u32, 0, 3),
        load(24),
        equal(GET, 2, 0),
        equal(SET, 1, 0),
        end(libc::SECCOMP_RET_ALLOW),
        end(libc::SECCOMP_RET_ERRNO | libc::EINVAL as u32),
    ];
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: the filter and its program outlive the call, which copies them.
    let result = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter)
    };
    assert_eq!(result, 0, "seccomp: {}", std::io::Error::last_os_error());
}
