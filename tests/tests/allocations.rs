//! Registers are looked up, and captured again, without a single allocation.

// UNSAFETY: an allocator that counts wraps the system's.
#![expect(unsafe_code, reason = "the trait of allocators is unsafe")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

use onereg::{
    Arch, Arm64, Host, Memory, Powerpc, Present, Registers, RestoreOptions, Riscv, TABLES, Unknown,
    VcpuState, X86,
};

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every method passes its arguments on to the system's allocator, which keeps the promises of the trait.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above; the pointer comes from `alloc`, so from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Counts the allocations of this thread while `work` runs.
fn allocations(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

/// Captures a vCPU again and again, and restores it.
fn capture_and_restore<A: Arch>(vcpu: &impl Registers<A>, present: Present<'_>) {
    let captured = VcpuState::capture(vcpu, present, Unknown::Refuse);
    let mut state = captured.expect("a vCPU can be read").state;
    let again = |state: &mut VcpuState| {
        allocations(|| state.recapture(vcpu).expect("what was read can be read again"))
    };
    for state in [&mut state.clone(), &mut state] {
        assert_ne!(again(state), 0, "the first time makes the plan");
        assert_eq!([again(state), again(state), again(state)], [0; 3], "{state:?}");
    }
    let options = RestoreOptions::default();
    let count = allocations(|| drop(black_box(state.restore(vcpu, &options))));
    let phases = A::TABLE.phases.len();
    assert!(count < 40 * phases, "{count} allocations for {phases} phases of {state:?}");
    assert!(state.registers().len() > 150, "{state:?}");
}

#[test]
fn a_state_in_memory_is_captured_again_without_an_allocation() {
    fn of<A: Arch>() {
        let vcpu = Memory::<A>::new(Host::LP64);
        for carrier in A::TABLE.carriers.iter().filter(|carrier| carrier.block.is_some()) {
            vcpu.write_block(carrier, &[1; 3000]).expect("memory can be written");
        }
        capture_and_restore(&vcpu, Present::Table);
    }
    of::<Arm64>();
    of::<Powerpc>();
    of::<Riscv>();
    of::<X86>();
}

#[test]
fn lookups_allocate_nothing() {
    assert_ne!(allocations(|| drop(black_box(Box::new(1)))), 0, "allocations are counted");
    for table in TABLES {
        let count = allocations(|| {
            for info in table.registers {
                assert_eq!(table.by_name(info.name), Some(info));
                assert_eq!(table.at(info.place), Some(info));
                if let Some(id) = info.place.id(Host::LP64) {
                    assert!(table.by_id(id).is_some(), "{}", info.name);
                }
            }
            assert_eq!(table.by_name("NO_SUCH_REGISTER"), None);
            assert_eq!(table.by_id(u64::MAX), None);
        });
        assert_eq!(count, 0, "{}", table.name);
    }
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod machine;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod live {
    use onereg::kvm::{Kvm, Vcpu};
    use onereg::{Present, X86};

    use super::capture_and_restore;
    use super::machine::Machine;

    #[test]
    fn a_vcpu_of_this_host_is_captured_again_without_an_allocation() {
        let Some(machine) = Machine::new(1, |vm| vm.create_irq_chip().unwrap()) else { return };
        let (kvm, vm, fd) = (machine.kvm(), machine.vm(), machine.vcpu(0));
        let vcpu = Vcpu::<X86>::over(&fd).within(&vm);
        let ids = vcpu.listed_ids(&Kvm::over(&kvm)).unwrap();
        capture_and_restore(&vcpu, ids.as_deref().map_or(Present::Table, Present::Listed));
    }
}
