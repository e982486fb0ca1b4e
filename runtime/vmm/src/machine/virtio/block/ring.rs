//! Requests of a disk that are under way at the same time, by the kernel's io_uring.

// UNSAFETY: the kernel moves data between a file and guest memory, by its address, after the call that asks for it.
#![expect(unsafe_code, reason = "an entry of the ring holds addresses")]

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::mem;
use std::ops::Range;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use io_uring::register::Restriction;
use io_uring::squeue::{self, Flags};
use io_uring::types::{Fixed, FsyncFlags};
use io_uring::{IoUring, opcode};
use vmm_sys_util::eventfd::{EFD_CLOEXEC, EFD_NONBLOCK, EventFd};

use super::super::chain::Chain;
use super::super::fault::GuestFault;
use super::QUEUE;

/// The one file that the ring reaches, by its number there.
const FILE: Fixed = Fixed(0);

/// A ring for one file.
pub(crate) struct Ring {
    /// Signalled when requests are done.
    done: EventFd,
    state: Mutex<State>,
}

struct State {
    uring: IoUring,
    /// What the kernel has, by the number that it gives back.
    under_way: HashMap<u64, Request>,
    next: u64,
}

/// What a request is for the file.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) work: Work,
    /// Where in the file.
    pub(super) at: u64,
    /// Which bytes of the chain: of those that the device writes for a read, of those that it reads for a write.
    pub(super) data: Range<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    Read,
    Write,
    /// A write that lasts through a loss of power before it is done.
    LastingWrite,
    Flush,
}

/// A request, what is left of it, and how many bytes it has written for the driver.
struct Request {
    chain: Chain,
    job: Job,
    pieces: Vec<Piece>,
    written: usize,
}

/// A piece of guest memory.
#[repr(transparent)]
struct Piece(libc::iovec);

// SAFETY: it is an address and a length, from which this program makes no reference.
unsafe impl Send for Piece {}

impl Ring {
    /// Makes a ring that can only read, write and flush that file.
    pub(super) fn new(file: &File) -> io::Result<Ring> {
        let done = EventFd::new(EFD_NONBLOCK | EFD_CLOEXEC)?;
        let uring = IoUring::builder().setup_r_disabled().build(QUEUE.into())?;
        let submitter = uring.submitter();
        submitter.register_files(&[file.as_raw_fd()])?;
        submitter.register_eventfd(done.as_raw_fd())?;
        submitter.register_restrictions(&mut [
            Restriction::sqe_op(opcode::Readv::CODE),
            Restriction::sqe_op(opcode::Writev::CODE),
            Restriction::sqe_op(opcode::Fsync::CODE),
            Restriction::sqe_flags_required(Flags::FIXED_FILE.bits()),
        ])?;
        submitter.register_enable_rings()?;
        let state = Mutex::new(State { uring, under_way: HashMap::new(), next: 0 });
        Ok(Ring { done, state })
    }

    /// Returns what is signalled when requests are done.
    pub(super) fn done(&self) -> RawFd {
        self.done.as_raw_fd()
    }

    /// Says whether one more request can be under way.
    pub(super) fn has_room(&self) -> bool {
        self.lock().under_way.len() < usize::from(QUEUE)
    }

    /// Takes a request, which begins with [`Ring::submit`]. There has to be room for it.
    pub(super) fn take(&self, chain: Chain, job: Job) -> Result<(), GuestFault> {
        self.lock().push(Request { chain, job, pieces: Vec::new(), written: 0 })
    }

    /// Begins what was taken.
    pub(super) fn submit(&self) {
        self.lock().enter(0);
    }

    /// Returns the next request that is done, and how many bytes it has written for the driver. What is done in part
    /// is taken again.
    pub(super) fn next_done(&self) -> Result<Option<(Chain, io::Result<usize>)>, GuestFault> {
        let mut state = self.lock();
        while let Some((number, result)) = state.next_entry() {
            let Some(mut request) = state.under_way.remove(&number) else { continue };
            match request.go_on(result) {
                Some(result) => return Ok(Some((request.chain, result))),
                None => state.push(request)?,
            }
        }
        Ok(None)
    }

    /// Waits until nothing is under way any more, and forgets what was.
    pub(super) fn drain(&self) {
        self.lock().drain();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Gives the kernel what is left of a request.
    fn push(&mut self, mut request: Request) -> Result<(), GuestFault> {
        request.pieces = request.pieces()?;
        let number = self.next;
        self.next = number.wrapping_add(1);
        let entry = request.entry().user_data(number);
        self.under_way.insert(number, request);
        // SAFETY: the pieces, and the guest memory at their addresses, stay until the kernel has given the number back:
        // the request holds both and leaves `under_way` only then, also in `drain`, which a drop does, too.
        let pushed = unsafe { self.uring.submission().push(&entry) };
        if pushed.is_err() {
            // There is an entry for each of the requests that there is room for.
            self.under_way.remove(&number);
        }
        Ok(())
    }

    /// Returns the next number that the kernel gives back, and the result.
    fn next_entry(&mut self) -> Option<(u64, i32)> {
        self.uring.completion().next().map(|entry| (entry.user_data(), entry.result()))
    }

    /// Lets the kernel begin what was pushed, and waits until so many requests are done; says whether it could.
    fn enter(&self, done: usize) -> bool {
        loop {
            match self.uring.submit_and_wait(done) {
                Ok(_) => return true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    log::error!("an io_uring takes no requests: {error}: its disk does not answer");
                    return false;
                }
            }
        }
    }

    fn drain(&mut self) {
        while !self.under_way.is_empty() {
            if !self.enter(1) {
                // The kernel may still write to their memory, which is then never given back.
                mem::forget(mem::take(&mut self.under_way));
            }
            while let Some((number, _)) = self.next_entry() {
                self.under_way.remove(&number);
            }
        }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.drain();
    }
}

impl Request {
    /// Lists the memory that is left to read or write.
    fn pieces(&self) -> Result<Vec<Piece>, GuestFault> {
        let data = self.job.data.clone();
        let memory = match self.job.work {
            Work::Read => self.chain.writable(data)?,
            Work::Write | Work::LastingWrite => self.chain.readable(data)?,
            Work::Flush => Vec::new(),
        };
        let pieces = memory.iter().map(|slice| {
            let guard = slice.ptr_guard_mut();
            Piece(libc::iovec { iov_base: guard.as_ptr().cast(), iov_len: guard.len() })
        });
        Ok(pieces.filter(|piece| 0 < piece.0.iov_len).collect())
    }

    /// Describes what is left for the kernel.
    fn entry(&self) -> squeue::Entry {
        let (pieces, count) = (self.pieces.as_ptr().cast(), self.pieces.len() as u32);
        match self.job.work {
            Work::Read => opcode::Readv::new(FILE, pieces, count).offset(self.job.at).build(),
            Work::Write | Work::LastingWrite => {
                opcode::Writev::new(FILE, pieces, count).offset(self.job.at).build()
            }
            Work::Flush => opcode::Fsync::new(FILE).flags(FsyncFlags::DATASYNC).build(),
        }
    }

    /// Takes a result of the kernel's; returns how the request ended, or nothing where some of it is left.
    fn go_on(&mut self, result: i32) -> Option<io::Result<usize>> {
        let Ok(moved) = usize::try_from(result) else {
            let error = io::Error::from_raw_os_error(-result);
            return (error.kind() != io::ErrorKind::Interrupted).then_some(Err(error));
        };
        match self.job.work {
            Work::Flush => return Some(Ok(self.written)),
            Work::Read if moved == 0 => return Some(Err(io::ErrorKind::UnexpectedEof.into())),
            _ if moved == 0 => return Some(Err(io::ErrorKind::WriteZero.into())),
            Work::Read => self.written += moved,
            Work::Write | Work::LastingWrite => {}
        }
        self.job.at += moved as u64;
        self.job.data.start += moved;
        if !self.job.data.is_empty() {
            return None;
        }
        match self.job.work {
            Work::LastingWrite => {
                self.job.work = Work::Flush;
                None
            }
            _ => Some(Ok(self.written)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::env;

    use io_uring::types::Fd;

    use super::*;

    /// Does what an entry describes, and returns the result.
    fn result(ring: &Ring, entry: &squeue::Entry) -> i32 {
        let mut state = ring.lock();
        // SAFETY: the entries of the test have no addresses.
        unsafe { state.uring.submission().push(entry) }.unwrap();
        assert!(state.enter(1));
        state.next_entry().unwrap().1
    }

    #[test]
    fn a_ring_does_nothing_but_serve_its_file() {
        let file = File::open(env::current_exe().unwrap()).unwrap();
        let ring = Ring::new(&file).unwrap();
        let none = std::ptr::null();
        assert_eq!(result(&ring, &opcode::Fsync::new(FILE).build()), 0);
        assert_eq!(result(&ring, &opcode::Readv::new(FILE, none, 0).build()), 0);
        let by_descriptor = Fd(file.as_raw_fd());
        for refused in [
            opcode::Nop::new().build(),
            opcode::Fsync::new(by_descriptor).build(),
            opcode::Readv::new(by_descriptor, none, 0).build(),
            opcode::Close::new(by_descriptor).build(),
            opcode::Socket::new(libc::AF_INET, libc::SOCK_STREAM, 0).build(),
        ] {
            assert_eq!(result(&ring, &refused), -libc::EACCES, "{refused:?}");
        }
        let register = ring.lock().uring.submitter().register_files_sparse(1);
        assert_eq!(register.unwrap_err().raw_os_error(), Some(libc::EACCES));
    }
}
