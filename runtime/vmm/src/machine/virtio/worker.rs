//! The thread of a device.

use std::io;
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use vmm_sys_util::epoll::{ControlOperation, Epoll, EpollEvent, EventSet};
use vmm_sys_util::eventfd::{EFD_CLOEXEC, EventFd};

use super::control::{Control, Register};
use crate::machine::confine::{self, Role};

/// Data of the event that ends the thread.
const STOP: u64 = u64::MAX;

/// The thread of a device, which serves its queues and sources.
pub(super) struct Worker {
    stop: EventFd,
    thread: JoinHandle<()>,
}

impl Worker {
    /// Starts a thread with the name of the device.
    pub(super) fn start(control: Arc<Mutex<Control>>) -> io::Result<Worker> {
        let stop = EventFd::new(EFD_CLOEXEC)?;
        let (name, role, epoll) = {
            let control = control.lock().unwrap_or_else(PoisonError::into_inner);
            let role = Role::of_device(control.kind().name);
            (control.name().to_owned(), role, Arc::clone(control.epoll()))
        };
        let event = EpollEvent::new(EventSet::IN, STOP);
        epoll.ctl(ControlOperation::Add, stop.as_raw_fd(), event)?;
        let thread = thread::Builder::new().name(name).spawn(move || {
            confine::enter(role);
            work(&control, &epoll);
        })?;
        Ok(Worker { stop, thread })
    }

    /// Has the thread end, once it has served what it is at.
    pub(super) fn stop(&self) {
        // Nothing else writes to the event: it has room.
        let _ = self.stop.write(1);
    }

    /// Says whether the thread has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }
}

fn work(control: &Mutex<Control>, epoll: &Epoll) {
    let mut events = [EpollEvent::default(); 16];
    let control = || control.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        // Only a signal ends the wait without an event.
        let count = epoll.wait(-1, &mut events).unwrap_or(0);
        for event in events.iter().take(count) {
            if event.data() == STOP {
                // Nothing of the old machine may be under way when the next one starts.
                control().write(Register::Status, 0);
                return;
            }
            control().wake(event.data());
        }
    }
}
