//! One thread per vCPU, and the end of all of them.

use std::fs::File;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::bus::{Action, Devices};
use super::confine::{self, Role};
use super::metrics::Exits;
use super::signals::{self, Blocked};
use super::timings::{self, Point};
use super::trace::Trace;
use super::vcpu::{Vcpu, VmExit};
use crate::failure::Failure;

/// What the waiting thread is told.
enum Event {
    /// A vCPU's thread ended.
    Ended { index: usize, end: End },
    /// The user pressed Ctrl-C or left, or the process is to end.
    Interrupted,
    /// A device cannot go on, or heard that the guest cannot.
    Stopped(Stop),
}

/// What ends a guest, from wherever it comes. It outlives the guest, which may start over.
pub(super) struct Events {
    sender: Sender<Event>,
    receiver: Receiver<Event>,
    /// The signals that end the process become events.
    signals: Blocked,
}

impl Events {
    /// Takes the signals over. Threads that were started before still get them.
    pub(super) fn new() -> Result<Events, Failure> {
        let signals = signals::block()?;
        let (sender, receiver) = mpsc::channel();
        let interrupts = sender.clone();
        signals.forward(move || interrupts.send(Event::Interrupted).is_ok())?;
        Ok(Events { sender, receiver, signals })
    }

    /// Returns what ends the guest as Ctrl-C does.
    pub(super) fn interrupter(&self) -> impl Fn() + Send + use<> {
        let sender = self.sender.clone();
        move || {
            // Nobody listens any more once the process ends.
            let _ = sender.send(Event::Interrupted);
        }
    }

    /// Returns what ends the guest.
    pub(super) fn stopper(&self) -> impl Fn(Stop) + Send + Sync + use<> {
        let sender = self.sender.clone();
        move |stop| {
            // Nobody listens any more once the process ends.
            let _ = sender.send(Event::Stopped(stop));
        }
    }

    /// Returns a file with something to read when the window of the terminal has another size.
    pub(super) fn resizes(&self) -> io::Result<File> {
        self.signals.resizes()
    }

    /// Forgets what the vCPUs of an earlier start said; their threads have ended.
    fn forget_ends(&self) -> Result<(), Failure> {
        self.receiver.try_iter().try_for_each(Event::check)
    }

    /// Waits until something is done, or the user or a device does not wait.
    pub(super) fn wait_until(&self, is_done: impl Fn() -> bool) -> Result<(), Failure> {
        while !is_done() {
            if let Ok(event) = self.receiver.recv_timeout(TURN) {
                event.check()?;
            }
        }
        Ok(())
    }
}

impl Event {
    /// Fails where it is more than the end of a vCPU.
    fn check(self) -> Result<(), Failure> {
        match self {
            Event::Interrupted => Err(interrupted()),
            Event::Stopped(stop) => Err(stop.into()),
            Event::Ended { .. } => Ok(()),
        }
    }
}

/// How a guest ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It switched the machine off.
    PoweredOff,
    /// It starts the machine over.
    Reset,
}

/// What ended a guest that did not end itself.
#[derive(Debug)]
pub(super) enum Stop {
    /// The guest crashed, on the vCPU of that index if one did, or KVM cannot go on with that: the state of all of
    /// them says more.
    Crashed { index: Option<usize>, failure: Failure },
    /// The user or the host did.
    Failed(Failure),
}

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Crashed { failure, .. } | Stop::Failed(failure) => failure,
        }
    }
}

/// How a vCPU's thread ended.
#[derive(Debug)]
enum End {
    /// The guest halted this vCPU for good.
    Halted,
    /// The guest switched the machine off.
    PoweredOff,
    /// The guest starts the machine over.
    Reset,
    /// It was told to stop.
    Stopped,
    /// The guest crashed, or KVM cannot go on with it.
    Crashed(Failure),
    /// The VM failed.
    Failed(Failure),
}

/// Exit status after a crash of the guest.
const CRASHED: u8 = 3;

/// Exit status after Ctrl-C.
const INTERRUPTED: u8 = 130;

/// A trace of one vCPU, which outlives its thread.
pub(super) type SharedTrace = Arc<Mutex<Trace>>;

/// What is noted of a vCPU at each of its exits.
#[derive(Clone, Default)]
pub(super) struct Notes {
    pub(super) exits: Arc<Exits>,
    pub(super) trace: Option<SharedTrace>,
}

/// How long a failed guest's vCPUs are waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often is looked whether a thread has ended.
const TURN: Duration = Duration::from_millis(1);

/// What becomes of the vCPUs of a guest that the user or the host ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AfterFailure {
    /// Nobody needs them.
    Drop,
    /// Those whose threads end soon are returned.
    Return,
}

/// Runs vCPUs until the guest ends, and returns them with how it ended.
///
/// The guest ends when it powers off or crashes, or when it halts the first vCPU: nothing could wake it. The notes
/// of index N are those of the vCPU of that index.
pub(super) fn run(
    vcpus: Vec<Vcpu>,
    devices: &Arc<Devices>,
    events: &Events,
    notes: &[Notes],
    after_failure: AfterFailure,
) -> Result<(Vec<Vcpu>, Result<Outcome, Stop>), Failure> {
    events.forget_ends()?;
    let stop = Arc::new(AtomicBool::new(false));
    let mut threads = Vec::new();
    let mut result = Ok(());
    for (index, vcpu) in vcpus.into_iter().enumerate() {
        let notes = notes.get(index).cloned().unwrap_or_default();
        match spawn(index, vcpu, devices, &stop, events.sender.clone(), notes) {
            Ok(thread) => threads.push(thread),
            Err(error) => {
                result =
                    Err(Failure::new(format!("cannot start the thread of vCPU {index}: {error}")));
                break;
            }
        }
    }
    let result = result.map_err(Stop::Failed).and_then(|()| wait(&events.receiver));
    stop.store(true, Ordering::Release);
    // After a failure the process ends: a thread that waits for its output must not keep it.
    let deadline = match (&result, after_failure) {
        (Ok(_), _) => None,
        (Err(Stop::Failed(_)), AfterFailure::Drop) => return Ok((Vec::new(), result)),
        (Err(_), _) => Some(Instant::now() + PATIENCE),
    };
    let vcpus = threads.into_iter().filter_map(|thread| join(thread, deadline)).collect();
    Ok((vcpus, result))
}

fn spawn(
    index: usize,
    mut vcpu: Vcpu,
    devices: &Arc<Devices>,
    stop: &Arc<AtomicBool>,
    events: Sender<Event>,
    notes: Notes,
) -> io::Result<JoinHandle<Vcpu>> {
    let (devices, stop) = (Arc::clone(devices), Arc::clone(stop));
    let role = if notes.trace.is_some() { Role::TracedVcpu } else { Role::Vcpu };
    thread::Builder::new().name(format!("vcpu{index}")).spawn(move || {
        confine::enter(role);
        if index == 0 {
            timings::reach(Point::FirstInstruction);
        }
        let end = caught(index, || run_vcpu(&mut vcpu, &devices, &stop, &notes));
        log::debug!("{end:?}");
        // Nobody listens any more once the machine ends.
        let _ = events.send(Event::Ended { index, end });
        vcpu
    })
}

/// Makes a failure of a panic, which ends the machine as any other one.
fn caught(index: usize, work: impl FnOnce() -> End) -> End {
    // Nothing of the vCPU or of a device is relied on after a failure.
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        End::Failed(Failure::new(format!(
            "the thread of vCPU {index} panicked, which is a fault of this program: please report what it says above"
        )))
    })
}

/// Runs one vCPU until it ends. One that is told to stop completes the access to a device that it is at: its registers
/// are before or after an instruction, and never within.
fn run_vcpu(vcpu: &mut Vcpu, devices: &Devices, stop: &AtomicBool, notes: &Notes) -> End {
    loop {
        vcpu.only_complete(stop.load(Ordering::Acquire));
        let exit = vcpu.run(devices);
        notes.exits.count(&exit);
        if let Some(trace) = &notes.trace {
            let mut trace = trace.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(error) = trace.exit(&vcpu.registers()) {
                return End::Failed(error.into());
            }
        }
        match exit {
            VmExit::Write { bus, address, data } => {
                match devices.write(bus, address, data.bytes()) {
                    Ok(Action::Continue) => {}
                    Ok(Action::PowerOff) => return End::PoweredOff,
                    Ok(Action::Reset) => return reset(devices),
                    Ok(Action::Crash(why)) => return End::Crashed(crashed(&why)),
                    Err(failure) => return End::Failed(failure),
                }
            }
            VmExit::Interrupted if stop.load(Ordering::Acquire) => return End::Stopped,
            VmExit::Read | VmExit::Interrupted => {}
            VmExit::Halted => return End::Halted,
            VmExit::PoweredOff => return End::PoweredOff,
            VmExit::Reset => return reset(devices),
            VmExit::Crashed(why) => return End::Crashed(crashed(why)),
            VmExit::Failed(why) => return End::Crashed(Failure::new(why)),
        }
    }
}

/// Decides whether a reset is a new start or the end of a kernel that gave up.
fn reset(devices: &Devices) -> End {
    match devices.last_words() {
        Some(cause) => End::Crashed(crashed(&cause)),
        None => End::Reset,
    }
}

/// Returns the failure of a guest that cannot go on.
pub(super) fn crashed(why: &str) -> Failure {
    Failure::with_status(CRASHED, format!("the guest crashed: {why}"))
}

fn interrupted() -> Failure {
    Failure::with_status(INTERRUPTED, "interrupted")
}

/// Waits for the end of the guest.
fn wait(events: &Receiver<Event>) -> Result<Outcome, Stop> {
    for event in events {
        match event {
            Event::Interrupted => break,
            Event::Stopped(stop) => return Err(stop),
            Event::Ended { index: 0, end: End::Halted }
            | Event::Ended { end: End::PoweredOff, .. } => return Ok(Outcome::PoweredOff),
            Event::Ended { end: End::Reset, .. } => return Ok(Outcome::Reset),
            Event::Ended { end: End::Halted | End::Stopped, .. } => {}
            Event::Ended { index, end: End::Crashed(failure) } => {
                return Err(Stop::Crashed { index: Some(index), failure });
            }
            Event::Ended { end: End::Failed(failure), .. } => return Err(Stop::Failed(failure)),
        }
    }
    // The events hold a sender themselves: they do not end otherwise.
    Err(Stop::Failed(interrupted()))
}

/// Gets a vCPU back from its thread, which has been told to stop.
///
/// A signal takes it out of the guest; one that comes just before KVM_RUN would be lost, so it is repeated, up to the
/// deadline if there is one.
fn join(thread: JoinHandle<Vcpu>, deadline: Option<Instant>) -> Option<Vcpu> {
    while !thread.is_finished() {
        if deadline.is_some_and(|deadline| Instant::now() > deadline) {
            return None;
        }
        signals::kick(&thread);
        thread::sleep(TURN);
    }
    thread.join().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_a_vcpu_ends_the_machine_and_is_named() {
        let End::Failed(failure) = caught(3, || panic!("a test")) else { panic!("no failure") };
        assert!(failure.to_string().starts_with("the thread of vCPU 3 panicked"), "{failure}");
        assert!(matches!(caught(3, || End::Halted), End::Halted));
    }
}
