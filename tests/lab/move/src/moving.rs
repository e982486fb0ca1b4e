//! A guest that is moved from VM to VM while it runs.

use std::iter;
use std::mem;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use onereg::{RestoreOptions, VcpuState, VmWide};
use onereg_lab_init::COUNT;

use super::arch::SERIAL;
use super::arch::linux::{self as arch, Entry, Irqchip};
use super::bus::{Action, Device, Devices};
use super::console::Console;
use super::irqchip;
use super::loader::{Input, Linux};
use super::memory::Memory;
use super::serial::Serial;
use super::threads::{self, AfterFailure, Events, Outcome};
use super::vcpu::{Vcpu, VmExit};
use super::virtio::Found;
use super::vm::Vm;
use super::wires::Line;
use crate::cli::RunOptions;
use crate::failure::Failure;

/// Runs Linux until it powers off, and returns how often it was moved.
pub(crate) fn run(kvm: &Path, options: &RunOptions) -> Result<usize, Failure> {
    let Some(kernel) = &options.kernel else { return Err(Failure::new("give a --kernel")) };
    let initrd = options.initrd.as_deref().map(|path| Input::open("initrd", path)).transpose()?;
    let linux = Linux { kernel: Input::open("kernel", kernel)?, initrd, cmdline: &options.cmdline };
    let serial = Arc::new(Serial::new(Console::open(&options.console)?));
    let counting = Arc::new(Counting::new(Arc::clone(&serial)));
    let events = Events::new()?;
    let vm = Vm::new(kvm, Memory::Pages(options.memory))?;
    let mut machine = Machine::new(vm, options.cpus, &serial)?;
    let mut devices = Devices::new(Arc::clone(&serial));
    devices.attach(SERIAL, Arc::<Counting>::clone(&counting));
    arch::attach(&mut devices, &machine.irqchip);
    let devices = Arc::new(devices);
    let entry = machine.load(&linux)?;
    arch::place(&machine.vcpus, &entry)?;
    let mut moves = 0;
    loop {
        let vcpus = mem::take(&mut machine.vcpus);
        let (vcpus, end) = threads::run(vcpus, &devices, &events, &[], AfterFailure::Drop)?;
        machine.vcpus = vcpus;
        match (end?, counting.is_over()) {
            (Outcome::PoweredOff, true) => {
                machine.complete(&devices)?;
                machine = machine.moved(kvm, &entry, &serial)?;
                moves += 1;
            }
            (Outcome::PoweredOff, false) => return Ok(moves),
            (Outcome::Reset, _) => return Err(Failure::new("the guest restarts")),
        }
    }
}

/// A serial port that ends the run of a machine with each line that counts.
struct Counting {
    serial: Arc<Serial>,
    line: Mutex<Vec<u8>>,
    is_over: AtomicBool,
}

impl Counting {
    fn new(serial: Arc<Serial>) -> Counting {
        Counting { serial, line: Mutex::default(), is_over: AtomicBool::new(false) }
    }

    /// Says whether such a line came since this was asked.
    fn is_over(&self) -> bool {
        self.is_over.swap(false, Ordering::AcqRel)
    }

    /// Says whether a byte that the guest sends ends a line that counts.
    fn counts(&self, byte: u8) -> bool {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        if byte != b'\n' {
            line.push(byte);
            return false;
        }
        String::from_utf8_lossy(&mem::take(&mut *line)).contains(COUNT)
    }
}

impl Device for Counting {
    fn read(&self, offset: u64, data: &mut [u8]) {
        self.serial.read(offset, data);
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<Action, Failure> {
        let action = self.serial.write(offset, data)?;
        // What a guest sends goes to the first register.
        match data.first() {
            Some(byte) if offset == 0 && self.counts(*byte) => {
                self.is_over.store(true, Ordering::Release);
                Ok(Action::PowerOff)
            }
            _ => Ok(action),
        }
    }
}

/// A VM that a guest is in.
struct Machine {
    vm: Vm,
    irqchip: Irqchip,
    vcpus: Vec<Vcpu>,
}

impl Machine {
    /// Makes a machine of a VM, and connects it to the serial port.
    fn new(vm: Vm, cpus: u16, serial: &Serial) -> Result<Machine, Failure> {
        let mut irqchip = Irqchip::new(&vm, cpus)?;
        let vcpus =
            (0..cpus).map(|index| vm.vcpu(index, arch::FEATURES)).collect::<Result<Vec<_>, _>>()?;
        irqchip.complete(&vcpus)?;
        serial.connect(Line::new(arch::wires(&vm, &irqchip), arch::SERIAL_LINE));
        Ok(Machine { vm, irqchip, vcpus })
    }

    fn load(&self, linux: &Linux<'_>) -> Result<Entry, Failure> {
        arch::load(&self.vm, &self.vcpus, &self.irqchip, linux, &Found::Mmio(Vec::new()))
    }

    /// Completes what the vCPUs are at: the one that counted is within the access that did.
    fn complete(&mut self, devices: &Devices) -> Result<(), Failure> {
        for vcpu in &mut self.vcpus {
            vcpu.only_complete(true);
            match vcpu.run(devices) {
                VmExit::Interrupted => {}
                exit => return Err(Failure::new(format!("a vCPU does not stop: {exit:?}"))),
            }
        }
        Ok(())
    }

    /// Moves the guest to a new VM on the same memory; nothing is left of the old one.
    fn moved(self, kvm: &Path, entry: &Entry, serial: &Serial) -> Result<Machine, Failure> {
        let Machine { vm, irqchip, vcpus } = self;
        let states = vcpus.iter().map(|vcpu| vcpu.capture(&vm)).collect::<Result<Vec<_>, _>>()?;
        let controllers = irqchip::save(&vm, &irqchip, &vcpus)?;
        let memory = vm.shared_memory();
        drop((vcpus, irqchip, vm));
        let machine = Machine::new(Vm::over(kvm, memory)?, states.len() as u16, serial)?;
        // What is set before a start, CPUID above all, and then everything else.
        arch::place(&machine.vcpus, entry)?;
        let wide = iter::once(VmWide::Write).chain(iter::repeat(VmWide::Leave));
        for ((vcpu, state), vm_wide) in machine.vcpus.iter().zip(&states).zip(wide) {
            machine.restore(vcpu, state, vm_wide)?;
        }
        irqchip::restore(&machine.vm, &machine.irqchip, &controllers)?;
        Ok(machine)
    }

    fn restore(&self, vcpu: &Vcpu, state: &VcpuState, vm_wide: VmWide) -> Result<(), Failure> {
        let fd = self.vm.descriptor();
        let options = RestoreOptions { vm_wide, ..RestoreOptions::default() };
        let restored = state.restore(&vcpu.registers().within(&fd), &options);
        restored
            .map(drop)
            .map_err(|error| Failure::new(format!("cannot restore vCPU {}: {error}", vcpu.index())))
    }
}
