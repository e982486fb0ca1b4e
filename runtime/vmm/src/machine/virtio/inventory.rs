//! Which devices a machine gets, and how its guest finds them.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::balloon::{self, Balloon};
use super::block::{Block, Disk, RawFile};
use super::console::Console;
use super::control::Control;
use super::device::VirtioDevice;
use super::mmio::{self, VirtioMmio};
use super::net::{Net, Port};
use super::pci::{VirtioPci, Way};
use super::rng::Rng;
use super::socket_file::SocketFile;
use super::vsock::{Endpoint, Vsock};
use super::worker::Worker;
use crate::cli::{RunOptions, Transport};
use crate::failure::Failure;
use crate::machine::arch;
use crate::machine::arch::linux::{VIRTIO_LINES, line};
use crate::machine::bus::{Bus, Devices, Slot};
use crate::machine::hvc::Hvc;
use crate::machine::pci::{self, Function, Space};
use crate::machine::threads::Events;
use crate::machine::vm::Vm;
use crate::machine::wires::{Line, Wires};

/// What the devices of every start of a machine are made of.
pub(crate) struct Inventory {
    transport: Transport,
    disks: Vec<Arc<dyn Disk>>,
    ports: Vec<Arc<Port>>,
    endpoint: Option<Arc<Endpoint>>,
    hvc: Option<Hvc>,
    balloon: Option<Arc<balloon::Setting>>,
    /// Whether somebody wants to know what guests say of their memory.
    has_metrics: bool,
    /// Threads that are not waited for at the end may hold the sockets, but not these.
    socket_files: Vec<SocketFile>,
}

/// The virtio devices of one start, at work.
pub(crate) struct Virtio {
    workers: Vec<Worker>,
    found: Found,
}

/// How a guest finds the devices.
pub(crate) enum Found {
    /// Behind a PCI host; where the interrupt controller takes no messages, every device there has an interrupt.
    Pci {
        space: Space,
        #[cfg_attr(target_arch = "x86_64", expect(dead_code, reason = "x86 takes messages"))]
        interrupts: Vec<u32>,
    },
    /// Where it is told: the registers, and the interrupt.
    Mmio(Vec<(Slot, u32)>),
}

impl Inventory {
    /// Opens what the options name. Devices tell `events` of what ends the guest.
    pub(crate) fn open(options: &RunOptions, events: &Events) -> Result<Inventory, Failure> {
        let open = |option: &String| RawFile::open(option).map(|disk| Arc::new(disk) as _);
        let disks = options.disk.iter().map(open).collect::<Result<Vec<_>, Failure>>()?;
        let open = |option: &String| Port::open(option).map(Arc::new);
        let ports = options.net.iter().map(open).collect::<Result<Vec<_>, Failure>>()?;
        let endpoint = options.vsock.as_deref().map(Endpoint::open).transpose()?;
        let (endpoint, socket_file) = endpoint.unzip();
        let open = |option| balloon::Setting::open(option, options.memory);
        let (balloon, other) = options.balloon.as_deref().map(open).transpose()?.unzip();
        let open = |option: &PathBuf| Hvc::open(option, events);
        let hvc = options.virtio_console.as_ref().map(open).transpose()?;
        Ok(Inventory {
            transport: options.transport,
            disks,
            ports,
            endpoint: endpoint.map(Arc::new),
            hvc,
            balloon: balloon.map(Arc::new),
            has_metrics: options.metrics.is_some(),
            socket_files: socket_file.into_iter().chain(other.flatten()).collect(),
        })
    }

    /// Returns the folders of the sockets.
    pub(crate) fn sockets(&self) -> Vec<&Path> {
        self.socket_files.iter().map(SocketFile::folder).collect()
    }

    /// Returns the balloon, if there is one.
    pub(crate) fn balloon(&self) -> Option<Arc<balloon::Setting>> {
        self.balloon.clone()
    }

    /// Returns the virtio console, if there is one.
    pub(crate) fn hvc(&self) -> Option<&Hvc> {
        self.hvc.as_ref()
    }

    /// Makes the devices, puts them into a machine, and sets them to work.
    pub(crate) fn attach(
        &self,
        vm: &Vm,
        wires: &Arc<dyn Wires>,
        devices: &mut Devices,
    ) -> Result<Virtio, Failure> {
        if let Some(hvc) = &self.hvc {
            devices.listen(Arc::clone(hvc.said()));
        }
        let made = self.make()?;
        let (controls, found) = match self.transport {
            Transport::Pci => attach_pci(vm, wires, devices, made)?,
            Transport::Mmio => attach_mmio(vm, wires, devices, made)?,
        };
        let workers = controls.into_iter().map(Worker::start).collect::<io::Result<Vec<_>>>();
        let workers = workers.map_err(|error| {
            Failure::new(format!("cannot start the thread of a virtio device: {error}"))
        })?;
        Ok(Virtio { workers, found })
    }

    fn make(&self) -> Result<Vec<Named>, Failure> {
        let mut devices: Vec<Box<dyn VirtioDevice>> = Vec::new();
        for (index, disk) in self.disks.iter().enumerate() {
            devices.push(Box::new(Block::new(Arc::clone(disk), format!("disk{index}"))));
        }
        for port in &self.ports {
            devices.push(Box::new(Net::new(Arc::clone(port))));
        }
        if let Some(endpoint) = &self.endpoint {
            let vsock = Vsock::new(Arc::clone(endpoint));
            devices.push(Box::new(vsock.map_err(|error| cannot_make("virtio-vsock0", &error))?));
        }
        if let Some(hvc) = &self.hvc {
            devices.push(Box::new(Console::new(Arc::clone(hvc.peer()))));
        }
        if let Some(setting) = &self.balloon {
            let balloon = Balloon::new(Arc::clone(setting), self.has_metrics);
            let balloon = balloon.map_err(|error| cannot_make("virtio-balloon0", &error))?;
            devices.push(Box::new(balloon));
        }
        devices.push(Box::new(Rng));
        let mut named = Vec::<Named>::new();
        for device in devices {
            let kind = device.kind();
            let number = named.iter().filter(|(_, other)| other.kind() == kind).count();
            named.push((format!("virtio-{}{number}", kind.name), device));
        }
        Ok(named)
    }
}

type Named = (String, Box<dyn VirtioDevice>);

type Attached = (Vec<Arc<Mutex<Control>>>, Found);

fn attach_pci(
    vm: &Vm,
    wires: &Arc<dyn Wires>,
    devices: &mut Devices,
    made: Vec<Named>,
) -> Result<Attached, Failure> {
    let mut functions: Vec<Arc<dyn Function>> = Vec::new();
    let (mut controls, mut interrupts) = (Vec::new(), Vec::new());
    for (device, (name, made)) in (0..).zip(made) {
        let way = if wires.takes_messages() {
            Way::Messages(pci::requester(device))
        } else {
            let interrupt = VIRTIO_LINES.start + device;
            interrupts.push(interrupt);
            Way::Line(Line::new(Arc::clone(wires), line(interrupt)))
        };
        let wires = Arc::clone(wires);
        let function = VirtioPci::new(name.clone(), made, vm.shared_memory(), wires, way);
        let function = function.map_err(|error| cannot_make(&name, &error))?;
        controls.push(Arc::clone(function.control()));
        functions.push(Arc::new(function));
    }
    pci::attach(devices, arch::PCI, functions)?;
    Ok((controls, Found::Pci { space: arch::PCI, interrupts }))
}

fn attach_mmio(
    vm: &Vm,
    wires: &Arc<dyn Wires>,
    devices: &mut Devices,
    made: Vec<Named>,
) -> Result<Attached, Failure> {
    if VIRTIO_LINES.len() < made.len() {
        return Err(Failure::new(format!(
            "cannot give the guest {} virtio devices with --transport mmio: {} are the most, leave some out or take pci",
            made.len(),
            VIRTIO_LINES.len()
        )));
    }
    let (mut controls, mut found) = (Vec::new(), Vec::new());
    let addresses = (arch::VIRTIO_MMIO..).step_by(mmio::LENGTH as usize);
    for ((address, interrupt), (name, made)) in addresses.zip(VIRTIO_LINES).zip(made) {
        let wires = Arc::clone(wires);
        let place = (address, line(interrupt));
        let device = VirtioMmio::new(name.clone(), made, vm.shared_memory(), wires, place);
        let device = device.map_err(|error| cannot_make(&name, &error))?;
        controls.push(Arc::clone(device.control()));
        let slot = Slot { bus: Bus::Memory, address, length: mmio::LENGTH };
        devices.attach(slot, Arc::new(device));
        found.push((slot, interrupt));
    }
    Ok((controls, Found::Mmio(found)))
}

fn cannot_make(name: &str, error: &io::Error) -> Failure {
    Failure::new(format!("cannot make the device {name}: {error}"))
}

impl Virtio {
    /// Says how the guest finds the devices.
    pub(crate) fn found(&self) -> &Found {
        &self.found
    }

    /// Ends the threads of the devices, once they have served what they are at. One that cannot go on, as its output is
    /// not taken, keeps nobody who does not wait.
    pub(crate) fn stop(self, events: &Events) -> Result<(), Failure> {
        self.workers.iter().for_each(Worker::stop);
        events.wait_until(|| self.workers.iter().all(Worker::has_ended))
    }
}
