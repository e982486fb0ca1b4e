//! One thread per vCPU, and the end of all of them.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::device::Devices;
use super::signals;
use super::trace::Trace;
use super::vcpu::{Vcpu, VmExit};
use crate::failure::Failure;

/// What the waiting thread is told.
enum Event {
    /// A vCPU's thread ended.
    Ended { index: usize, end: End },
    /// The user pressed Ctrl-C, or the process is to end.
    Interrupted,
}

/// How a vCPU's thread ended.
enum End {
    /// The guest halted this vCPU for good.
    Halted,
    /// The guest switched the machine off.
    PoweredOff,
    /// It was told to stop.
    Stopped,
    /// The guest or the VM failed.
    Failed(Failure),
}

/// Exit status after a crash of the guest.
const CRASHED: u8 = 3;

/// Exit status after Ctrl-C.
const INTERRUPTED: u8 = 130;

/// A trace of one vCPU, which outlives its thread.
pub(super) type SharedTrace = Arc<Mutex<Trace>>;

/// How long a failed guest's vCPUs are waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// What becomes of the vCPUs of a guest that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AfterFailure {
    /// Nobody needs them.
    Drop,
    /// Those whose threads end soon are returned.
    Return,
}

/// Runs vCPUs until the guest ends, and returns them with how it ended.
///
/// The guest ends when it powers off or crashes, or when it halts the first vCPU: nothing could wake it. The vCPU of
/// index N records into the trace of that index, if there is one.
pub(super) fn run(
    vcpus: Vec<Vcpu>,
    devices: &Arc<Devices>,
    traces: &[SharedTrace],
    after_failure: AfterFailure,
) -> Result<(Vec<Vcpu>, Result<(), Failure>), Failure> {
    let signals = signals::block()?;
    let (sender, events) = mpsc::channel();
    let interrupts = sender.clone();
    signals.forward(move || interrupts.send(Event::Interrupted).is_ok())?;
    let stop = Arc::new(AtomicBool::new(false));
    let mut threads = Vec::new();
    let mut result = Ok(());
    for (index, vcpu) in vcpus.into_iter().enumerate() {
        let trace = traces.get(index).map(Arc::clone);
        match spawn(index, vcpu, devices, &stop, sender.clone(), trace) {
            Ok(thread) => threads.push(thread),
            Err(error) => {
                result =
                    Err(Failure::new(format!("cannot start the thread of vCPU {index}: {error}")));
                break;
            }
        }
    }
    let result = result.and_then(|()| wait(&events));
    stop.store(true, Ordering::Release);
    // After a failure the process ends: a thread that waits for its output must not keep it.
    let deadline = match (&result, after_failure) {
        (Ok(()), _) => None,
        (Err(_), AfterFailure::Return) => Some(Instant::now() + PATIENCE),
        (Err(_), AfterFailure::Drop) => return Ok((Vec::new(), result)),
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
    trace: Option<SharedTrace>,
) -> io::Result<JoinHandle<Vcpu>> {
    let (devices, stop) = (Arc::clone(devices), Arc::clone(stop));
    thread::Builder::new().name(format!("vcpu{index}")).spawn(move || {
        let end = run_vcpu(&mut vcpu, &devices, &stop, trace.as_deref());
        // Nobody listens any more once the machine ends.
        let _ = events.send(Event::Ended { index, end });
        vcpu
    })
}

/// Runs one vCPU until it ends.
fn run_vcpu(
    vcpu: &mut Vcpu,
    devices: &Devices,
    stop: &AtomicBool,
    trace: Option<&Mutex<Trace>>,
) -> End {
    while !stop.load(Ordering::Acquire) {
        let exit = vcpu.run();
        if let Some(trace) = trace {
            let mut trace = trace.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(error) = trace.exit(&vcpu.registers()) {
                return End::Failed(error.into());
            }
        }
        match exit {
            VmExit::Write { bus, address, data } => {
                if let Err(error) = devices.write(bus, address, data.bytes()) {
                    return End::Failed(error.into());
                }
            }
            VmExit::Read | VmExit::Interrupted => {}
            VmExit::Halted => return End::Halted,
            VmExit::PoweredOff => return End::PoweredOff,
            VmExit::Reset => {
                return End::Failed(Failure::new(
                    "the guest asks for a reset, which this version cannot do",
                ));
            }
            VmExit::Crashed(why) => {
                return End::Failed(Failure::with_status(
                    CRASHED,
                    format!("the guest crashed: {why}"),
                ));
            }
            VmExit::Failed(why) => return End::Failed(Failure::new(why)),
        }
    }
    End::Stopped
}

/// Waits for the end of the guest.
fn wait(events: &Receiver<Event>) -> Result<(), Failure> {
    for event in events {
        match event {
            Event::Interrupted => return Err(Failure::with_status(INTERRUPTED, "interrupted")),
            Event::Ended { index: 0, end: End::Halted }
            | Event::Ended { end: End::PoweredOff, .. } => return Ok(()),
            Event::Ended { end: End::Halted | End::Stopped, .. } => {}
            Event::Ended { end: End::Failed(failure), .. } => return Err(failure),
        }
    }
    Ok(())
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
        thread::sleep(Duration::from_millis(1));
    }
    thread.join().ok()
}
