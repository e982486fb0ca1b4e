//! A guest that looks at its own registers: what a state calls by a name has to be what the guest finds under that name.
//!
//! The program reports that it is ready, which is where the state of its vCPU is taken. When it goes on, it stores one
//! register after the other in memory, each in a slot of its own, folds the slots into a checksum, and reports that. It
//! is made of steps in the assembler of each architecture, which name registers as its manual does: a vCPU gets the steps
//! of those that its state has.

#[macro_use]
mod steps;
#[cfg(target_arch = "aarch64")]
#[path = "guest/aarch64.rs"]
mod native;
#[cfg(target_arch = "powerpc64")]
#[path = "guest/powerpc64.rs"]
mod native;
#[cfg(target_arch = "riscv64")]
#[path = "guest/riscv64.rs"]
mod native;
#[cfg(target_arch = "x86_64")]
#[path = "guest/x86_64.rs"]
mod native;

use std::io;
use std::time::{Duration, Instant};

use onereg::{Arch, Digits, Saved, VcpuState};

use crate::arch::{self, Host};
use crate::failure::Failure;
use crate::machine::{Machine, touch};
use crate::system::{self, Exit};
use steps::{Step, steps};

/// Where the program lies in guest memory.
const CODE: u64 = 0x1_0000;

/// Where it stores what it sees. No memory lies before, so that a write there leaves the guest.
const SLOTS: u64 = 0x3_0000;

/// Size of either region: a page of every host.
const REGION: usize = 0x1_0000;

/// What a slot is a multiple of, in bytes.
const SLOT: usize = 16;

/// What the checksum is multiplied with for every 8 bytes.
const PRIME: u64 = 0x100_0000_01b3;

/// How a guest reports to the VMM.
struct Report {
    /// Number of the exit.
    exit: u32,
    /// First number of the exit where the guest is ready.
    ready: u64,
    /// First number of the exit where the guest is done.
    done: u64,
    /// Which of the exit's numbers is the reported one.
    value: usize,
}

impl Report {
    /// By KVM_EXIT_MMIO: the guest writes to addresses without memory.
    #[cfg_attr(target_arch = "powerpc64", expect(dead_code, reason = "it reports by hypercalls"))]
    const WRITE: Report = Report { exit: 6, ready: SLOTS - 8, done: SLOTS - 16, value: 1 };
}

/// How long a guest may take.
const SECONDS: u32 = 30;

/// The program of a vCPU.
#[derive(Debug)]
pub(crate) struct Program {
    registers: Vec<&'static str>,
    code: Vec<u8>,
}

/// What a guest found.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Its checksum.
    checksum: u64,
    /// Its slots.
    slots: Vec<u8>,
}

impl Program {
    /// Makes the program of a vCPU from what its state has.
    pub(crate) fn of(state: &VcpuState) -> Result<Program, Failure> {
        let is_known = |step: &Step| {
            let info = Host::TABLE.by_name(step.register);
            step.register.is_empty() || info.is_some_and(|info| info.name == step.register)
        };
        if let Some(Step { register, .. }) = steps().find(|step| !is_known(step)) {
            return Err(Failure::new(format!("no table has {register}, at which the guest looks")));
        }
        let is_there = |step: &Step| {
            let info = state.register(step.register).and_then(Saved::info);
            step.register.is_empty() || info.is_some_and(arch::guest_can_see)
        };
        let steps: Vec<Step> = steps().filter(is_there).collect();
        let registers = steps.iter().map(|step| step.register);
        Ok(Program {
            registers: registers.filter(|register| !register.is_empty()).collect(),
            code: steps.iter().flat_map(|step| step.code).copied().collect(),
        })
    }

    /// Names the registers that it looks at.
    pub(crate) fn registers(&self) -> &[&'static str] {
        &self.registers
    }

    /// Gives a VM the memory with the program, and what else a run needs.
    pub(crate) fn load(&self, machine: &mut Machine) -> Result<(), Failure> {
        for region in [CODE, SLOTS] {
            let added = machine.vm.add_memory(region, REGION);
            added.map_err(Failure::step("give a VM memory (KVM_SET_USER_MEMORY_REGION)"))?;
        }
        machine.vm.write_memory(CODE, &self.code);
        for (address, word) in native::MEMORY {
            machine.vm.write_memory(*address, &word.to_ne_bytes());
        }
        arch::make_runnable(machine);
        Ok(())
    }

    /// Sets what the guest needs: before a vCPU is filled, as vectors only take values where they are enabled, and again
    /// over what it was filled with.
    pub(crate) fn place(&self, machine: &Machine) -> Result<(), Failure> {
        let placed = native::place(machine);
        placed.map_err(|error| Failure::new(format!("cannot set up the guest: {error}")))
    }

    /// Runs a vCPU until its guest is ready.
    pub(crate) fn begin(&self, machine: &Machine) -> Result<(), Failure> {
        run(machine, native::REPORT.ready)?;
        // The kernel completes the instruction that left the guest when it is entered again.
        touch(machine).map_err(Failure::step("complete an exit of the guest (KVM_RUN)"))
    }

    /// Whether a restore takes all that a run leaves of a register.
    pub(crate) fn settles(register: &str) -> bool {
        !native::UNSETTLED.contains(&register)
    }

    /// Lets the guest go on to its end.
    pub(crate) fn go_on(&self, machine: &Machine, state: &VcpuState) -> Result<Seen, Failure> {
        let reported = run(machine, native::REPORT.done);
        let slots = machine.vm.read_memory(SLOTS, self.slots(state).len());
        let checksum = reported.map_err(|failure| {
            let last = self.last_stored(state, &slots).unwrap_or("none");
            Failure::new(format!("{failure}; the last register that it stored is {last}"))
        })?;
        Ok(Seen { checksum, slots })
    }

    /// Finds the last register with anything in its slot.
    fn last_stored<'a>(&self, state: &'a VcpuState, slots: &[u8]) -> Option<&'a str> {
        let stored =
            self.split(state, slots).filter(|(_, slot)| slot.iter().any(|byte| *byte != 0));
        stored.last().map(|(saved, _)| saved.name())
    }

    /// Lists the registers that a guest sees with other values than a state has: name, and both values.
    pub(crate) fn differences(&self, state: &VcpuState, seen: &Seen) -> Vec<(String, String)> {
        let mut differences = Vec::new();
        for (saved, slot) in self.split(state, &seen.slots) {
            let (name, value) = (saved.name(), saved.value());
            let found = slot.get(..value.len()).unwrap_or(slot);
            if found != value {
                let other = other_with(state, found);
                let (found, value) = (Digits(found), Digits(value));
                let text = format!("{name}: the guest sees {found}{other}, the state has {value}");
                differences.push((name.to_owned(), text));
            }
        }
        let (found, expected) = (seen.checksum, checksum(&self.slots(state)));
        if differences.is_empty() && found != expected {
            let text = format!("the guest's checksum is {found:#x}, the state's {expected:#x}");
            differences.push(("checksum".to_owned(), text));
        }
        differences
    }

    /// Splits slots by register.
    fn split<'a, 's>(
        &self,
        state: &'a VcpuState,
        mut slots: &'s [u8],
    ) -> impl Iterator<Item = (Saved<'a>, &'s [u8])> {
        self.saved(state).map(move |saved| {
            let (slot, rest) = slots.split_at(slot_size(saved).min(slots.len()));
            slots = rest;
            (saved, slot)
        })
    }

    /// Looks the registers up in a state.
    fn saved<'a>(&self, state: &'a VcpuState) -> impl Iterator<Item = Saved<'a>> {
        self.registers.iter().filter_map(|register| state.register(register))
    }

    /// Computes from a state what the guest stores.
    fn slots(&self, state: &VcpuState) -> Vec<u8> {
        let mut slots = Vec::new();
        for saved in self.saved(state) {
            let end = slots.len() + slot_size(saved);
            slots.extend(saved.value());
            slots.resize(end, 0);
        }
        slots
    }
}

impl Seen {
    /// Writes it as bytes.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        [&self.checksum.to_le_bytes(), self.slots.as_slice()].concat()
    }

    /// Reads it from bytes; `None` where there are too few.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Seen> {
        let (checksum, slots) = bytes.split_first_chunk()?;
        Some(Seen { checksum: u64::from_le_bytes(*checksum), slots: slots.to_vec() })
    }
}

/// Names the register that has a value, where it is one and the value is not zero.
fn other_with(state: &VcpuState, value: &[u8]) -> String {
    let is_zero = value.iter().all(|byte| *byte == 0);
    let mut others = state.registers().filter(|saved| saved.value() == value && !is_zero);
    match (others.next(), others.next()) {
        (Some(other), None) => format!(" ({})", other.name()),
        _ => String::new(),
    }
}

fn slot_size(saved: Saved<'_>) -> usize {
    saved.value().len().next_multiple_of(SLOT)
}

/// Computes the guest's checksum: FNV-1a over its words instead of bytes.
fn checksum(slots: &[u8]) -> u64 {
    let (words, _) = slots.as_chunks();
    let fold = |sum: u64, word: &[u8; 8]| (sum ^ u64::from_ne_bytes(*word)).wrapping_mul(PRIME);
    words.iter().fold(0, fold)
}

/// Runs a guest until it reports, and returns what.
fn run(machine: &Machine, first: u64) -> Result<u64, Failure> {
    let end = Instant::now() + Duration::from_secs(SECONDS.into());
    system::interrupt_after(SECONDS);
    loop {
        match machine.vcpu.run(false) {
            Ok(Exit { reason, details })
                if (reason, details[0]) == (native::REPORT.exit, first) =>
            {
                return Ok(details[native::REPORT.value]);
            }
            Ok(Exit { reason, details }) => {
                return Err(Failure::new(format!(
                    "the guest left with exit {reason} {details:x?}, not with its report {first:#x}"
                )));
            }
            // Where no interrupt controller is in the kernel, a timer that changes interrupts the run.
            Err(error) if error.kind() == io::ErrorKind::Interrupted && Instant::now() < end => {}
            Err(error) => return Err(Failure::step("run the guest (KVM_RUN)")(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use onereg::{Memory, Present, Unknown};

    use super::*;

    /// A state of everything that the table has, every byte with a value of its own.
    fn state() -> VcpuState {
        let memory = Memory::<Host>::new(onereg::Host::LP64);
        for (index, info) in (1_u32..).zip(Host::TABLE.registers) {
            let bytes = index.to_ne_bytes().into_iter().cycle();
            let value: Vec<u8> = bytes.take(info.place.size(onereg::Host::LP64)).collect();
            onereg::Registers::write_bytes(&memory, info.place, &value).unwrap();
        }
        VcpuState::capture(&memory, Present::Table, Unknown::Refuse).unwrap().state
    }

    fn seen(program: &Program, state: &VcpuState) -> Seen {
        let slots = program.slots(state);
        Seen { checksum: checksum(&slots), slots }
    }

    #[test]
    fn a_guest_that_sees_the_state_differs_in_nothing() {
        let state = state();
        let program = Program::of(&state).unwrap();
        assert!(program.registers().len() > 40, "{:?}", program.registers());
        let seen = seen(&program, &state);
        assert_eq!(program.differences(&state, &seen), []);
        let carried = Seen::from_bytes(&seen.to_bytes()).unwrap();
        assert_eq!((carried.checksum, carried.slots), (seen.checksum, seen.slots));
    }

    #[test]
    fn exchanged_registers_are_named_with_each_other() {
        let state = state();
        let program = Program::of(&state).unwrap();
        let mut seen = seen(&program, &state);
        let (first, second) = seen.slots.split_at_mut(SLOT);
        first.swap_with_slice(&mut second[..SLOT]);
        let [one, two] = [0, 1].map(|index| program.registers()[index]);
        let differences = program.differences(&state, &seen);
        let names: Vec<&str> = differences.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, [one, two]);
        assert!(differences[0].1.contains(&format!("({two})")), "{}", differences[0].1);
        assert!(differences[1].1.contains(&format!("({one})")), "{}", differences[1].1);
    }

    #[test]
    fn a_guest_that_stored_nothing_or_summed_up_wrongly_is_found() {
        let state = state();
        let program = Program::of(&state).unwrap();
        let nothing = program.differences(&state, &Seen::default());
        assert_eq!(nothing.len(), program.registers().len());
        let wrong = Seen { checksum: 0, ..seen(&program, &state) };
        let differences = program.differences(&state, &wrong);
        assert_eq!(differences.len(), 1);
        assert_eq!(differences[0].0, "checksum");
    }
}
