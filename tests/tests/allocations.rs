//! Registers are looked up without a single allocation.

// UNSAFETY: an allocator that counts wraps the system's.
#![expect(unsafe_code, reason = "the trait of allocators is unsafe")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

use onereg::{Arch, Arm64, Host, Memory, Present, RestoreOptions, TABLES, Unknown, VcpuState};

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

#[test]
fn a_state_is_captured_again_without_an_allocation_per_register() {
    let vcpu = Memory::<Arm64>::new(Host::LP64);
    let captured = VcpuState::capture(&vcpu, Present::Table, Unknown::Refuse);
    let mut state = captured.expect("memory can be read").state;
    let registers = state.registers().len();
    let count = allocations(|| state.recapture(&vcpu).expect("memory can be read"));
    assert!(count < 20, "{count} allocations for {registers} registers");
    let options = RestoreOptions::default();
    let count = allocations(|| drop(black_box(state.restore(&vcpu, &options))));
    let phases = Arm64::TABLE.phases.len();
    assert!(count < 40 * phases, "{count} allocations for {registers} registers, {phases} phases");
    assert!(registers > 400);
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
