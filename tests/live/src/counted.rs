//! Counts what a thread of this program costs: ioctls and allocations.

// UNSAFETY: an allocator that counts wraps the system's, and a function that counts the C library's `ioctl`.
#![expect(
    unsafe_code,
    reason = "the trait of allocators is unsafe, and the linker finds a function by name"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ops::{AddAssign, Sub};

use libc::{c_int, c_void};

/// How many there were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) ioctls: usize,
    pub(crate) allocations: usize,
}

impl Counts {
    const ZERO: Counts = Counts { ioctls: 0, allocations: 0 };

    /// Returns those of this thread so far.
    pub(crate) fn so_far() -> Counts {
        COUNTS.get()
    }
}

impl Sub for Counts {
    type Output = Counts;

    fn sub(self, before: Counts) -> Counts {
        Counts {
            ioctls: self.ioctls - before.ioctls,
            allocations: self.allocations - before.allocations,
        }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.ioctls += other.ioctls;
        self.allocations += other.allocations;
    }
}

thread_local! {
    static COUNTS: Cell<Counts> = const { Cell::new(Counts::ZERO) };
}

fn count(one: Counts) {
    let mut counts = COUNTS.get();
    counts += one;
    COUNTS.set(counts);
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every method passes its arguments on to the system's allocator, which keeps the promises of the trait.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(Counts { allocations: 1, ..Counts::ZERO });
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(Counts { allocations: 1, ..Counts::ZERO });
        // SAFETY: as above; the pointer comes from `alloc` or from here, so from the system's allocator.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// What the linker puts in the place of `ioctl` (`--wrap`, in build.rs).
// SAFETY: no other crate of this program has a function of this name.
#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_ioctl(fd: c_int, request: libc::Ioctl, argument: *mut c_void) -> c_int {
    count(Counts { ioctls: 1, ..Counts::ZERO });
    // SAFETY: the arguments are the caller's, who promises what the kernel asks for. An argument that is a number crosses
    // in the same register as a pointer.
    let result = unsafe { libc::syscall(libc::SYS_ioctl, fd, request, argument) };
    result as c_int
}
