//! Linux as the guest: from files to running vCPUs, again and again while it restarts.

use std::path::Path;
use std::sync::Arc;

use super::arch::linux::{self as arch, Irqchip};
use super::bus::Devices;
use super::console::{self, Console};
use super::hvc::Hvc;
use super::loader::Linux;
use super::memory::Memory;
use super::serial::Serial;
use super::threads::{Events, Outcome};
use super::timings::{self, Point};
use super::virtio::Inventory;
use super::vm::Vm;
use super::wires::Line;
use super::{Wanted, run_vcpus};
use crate::failure::Failure;

/// Runs Linux until it powers off; a restart gets a new machine on the same console.
pub(super) fn run(
    kvm: &Path,
    memory: Memory,
    linux: &Linux<'_>,
    wanted: &Wanted<'_>,
    console: Console,
    inventory: &Inventory,
    events: &Events,
) -> Result<(), Failure> {
    let has_input = console.has_input();
    let serial = Arc::new(Serial::new(console));
    let mut enter = hearing(&serial, has_input, inventory.hvc());
    let mut terminal = None;
    loop {
        let vm = Vm::new(kvm, memory)?;
        let mut irqchip = Irqchip::new(&vm, wanted.cpus)?;
        let vcpus = (0..wanted.cpus)
            .map(|index| vm.vcpu(index, arch::FEATURES))
            .collect::<Result<Vec<_>, _>>()?;
        irqchip.complete(&vcpus)?;
        let wires = arch::wires(&vm, &irqchip);
        serial.connect(Line::new(Arc::clone(&wires), arch::SERIAL_LINE));
        let mut devices = Devices::new(Arc::clone(&serial));
        arch::attach(&mut devices, &irqchip);
        let virtio = inventory.attach(&vm, &wires, &mut devices)?;
        let entry = arch::load(&vm, &vcpus, &irqchip, linux, virtio.found())?;
        timings::reach(Point::Loaded);
        arch::place(&vcpus, &entry)?;
        if terminal.is_none()
            && let Some(enter) = enter.take()
        {
            terminal = Some(console::listen(enter, events.interrupter())?);
        }
        let (_, outcome) = run_vcpus(&vm, vcpus, &Arc::new(devices), events, wanted)?;
        virtio.stop(events)?;
        match outcome {
            Outcome::PoweredOff => return Ok(()),
            Outcome::Reset => {
                log::info!("the guest restarts");
                serial.reset()?;
            }
        }
    }
}

/// What gives the guest what is typed.
type Enter = Box<dyn Fn(&[u8]) + Send>;

/// Returns how the console that is on stdio hears what is typed, if one is.
fn hearing(serial: &Arc<Serial>, has_input: bool, hvc: Option<&Hvc>) -> Option<Enter> {
    if let Some(hvc) = hvc.filter(|hvc| hvc.has_input()) {
        let peer = Arc::clone(hvc.peer());
        return Some(Box::new(move |typed| peer.enter(typed)));
    }
    let serial = Arc::clone(serial);
    has_input.then(|| Box::new(move |typed: &[u8]| serial.enter(typed)) as Enter)
}
