//! The controller against a model of the specification, whatever devices and vCPUs do.

use std::sync::Arc;

use arbtest::arbitrary::{Result, Unstructured};
use arbtest::arbtest;

use super::*;

const COUNT: usize = 3;

/// Outputs, by their context.
type Outputs = Arc<Mutex<[bool; COUNT]>>;

fn plic() -> (Plic, Outputs) {
    let (plic, outputs) = (Plic::new(), Outputs::default());
    plic.connect((0..COUNT).map(|context| {
        let outputs = Arc::clone(&outputs);
        Box::new(move |level| {
            let old = std::mem::replace(&mut outputs.lock().unwrap()[context], level);
            assert_ne!(old, level, "only changes are told");
        }) as Output
    }));
    (plic, outputs)
}

fn read(plic: &Plic, offset: u64) -> u32 {
    let mut data = [0; 4];
    Device::read(plic, offset, &mut data);
    u32::from_le_bytes(data)
}

fn write(plic: &Plic, offset: u64, value: u32) {
    assert_eq!(plic.write(offset, &value.to_le_bytes()).unwrap(), Action::Continue);
}

/// Registers of a context.
fn enabled(context: u64) -> u64 {
    0x2000 + 0x80 * context
}

fn threshold(context: u64) -> u64 {
    0x20_0000 + 0x1000 * context
}

fn claim(context: u64) -> u64 {
    threshold(context) + 4
}

#[test]
fn a_level_asks_until_it_is_low_and_an_edge_once() {
    let (plic, outputs) = plic();
    let raised = || outputs.lock().unwrap()[1];
    write(&plic, 4 * 5, 1);
    write(&plic, enabled(1), 1 << 5);
    plic.raise(5);
    assert!(raised());
    assert_eq!(read(&plic, claim(1)), 5);
    assert_eq!((raised(), read(&plic, claim(1))), (false, 0), "it is served");
    write(&plic, claim(1), 5);
    assert!(raised(), "the device was not");
    assert_eq!(read(&plic, claim(1)), 5);
    // It is up already.
    plic.raise(5);
    plic.lower(5);
    write(&plic, claim(1), 5);
    assert!(!raised());
    // A device that has something new while the last is being served.
    plic.raise(5);
    plic.lower(5);
    assert_eq!(read(&plic, claim(1)), 5);
    plic.raise(5);
    plic.lower(5);
    assert!(!raised());
    write(&plic, claim(1), 5);
    assert_eq!(read(&plic, claim(1)), 5);
    write(&plic, claim(1), 5);
    assert_eq!((raised(), read(&plic, claim(1))), (false, 0));
}

/// What a source is to the specification: its line, its gateway, its bit that it is pending.
#[derive(Clone, Copy, Default)]
struct Source {
    priority: u32,
    line: bool,
    is_served: bool,
    /// It rose while it was served.
    rose: bool,
    is_pending: bool,
}

struct Target {
    enabled: [bool; 64],
    threshold: u32,
}

struct Model {
    sources: [Source; 64],
    targets: [Target; COUNT],
}

impl Model {
    fn new() -> Model {
        let target = || Target { enabled: [false; 64], threshold: 0 };
        Model { sources: [Source::default(); 64], targets: [target(), target(), target()] }
    }

    fn raise(&mut self, source: usize) {
        let source = &mut self.sources[source];
        if !source.line {
            source.rose |= source.is_served;
            source.is_pending |= !source.is_served;
        }
        source.line = true;
    }

    /// Finds the first source of a target whose priority is over a threshold.
    fn first(&self, target: &Target, threshold: u32) -> Option<usize> {
        let mut found = None;
        for (index, source) in self.sources.iter().enumerate() {
            let highest = found.map_or(threshold, |found: usize| self.sources[found].priority);
            if target.enabled[index] && source.is_pending && highest < source.priority {
                found = Some(index);
            }
        }
        found
    }

    fn claim(&mut self, target: usize) -> u32 {
        let Some(found) = self.first(&self.targets[target], 0) else { return 0 };
        self.sources[found].is_pending = false;
        self.sources[found].is_served = true;
        found as u32
    }

    fn complete(&mut self, target: usize, value: u32) {
        let Some(source) = self.sources.get_mut(value as usize) else { return };
        if self.targets[target].enabled[value as usize] && source.is_served {
            source.is_served = false;
            source.is_pending = source.line || source.rose;
            source.rose = false;
        }
    }

    fn outputs(&self) -> [bool; COUNT] {
        self.targets.each_ref().map(|target| self.first(target, target.threshold).is_some())
    }

    /// Says what is in the registers that a read does not change.
    fn registers(&self) -> Vec<(u64, u32)> {
        let words = |bits: &dyn Fn(usize) -> bool| {
            [0, 32].map(|first| {
                (0..32).fold(0, |word, bit| word | u32::from(bits(first + bit)) << bit)
            })
        };
        let mut found: Vec<_> =
            (0..).step_by(4).zip(self.sources.map(|source| source.priority)).collect();
        found.push((4 * 64, 0));
        let pending = words(&|source| self.sources[source].is_pending);
        found.extend([(0x1000, pending[0]), (0x1004, pending[1]), (0x1008, 0)]);
        for (context, target) in (0..).zip(&self.targets) {
            let at = enabled(context);
            let bits = words(&|source| target.enabled[source]);
            found.extend([(at, bits[0]), (at + 4, bits[1]), (at + 8, 0)]);
            found.push((threshold(context), target.threshold));
        }
        let behind = COUNT as u64;
        found.extend([enabled(behind), threshold(behind), claim(behind)].map(|offset| (offset, 0)));
        found
    }
}

/// Does one thing to the controller and to the model; what it says is for whom reads of a difference.
fn act(u: &mut Unstructured<'_>, plic: &Plic, model: &mut Model) -> Result<String> {
    // Few sources meet more often.
    let source = *u.choose(&[1_usize, 31, 32, 63])?;
    let context = u.int_in_range(0..=COUNT - 1)?;
    let at = context as u64;
    Ok(match u.int_in_range(0..=8)? {
        0 => {
            plic.raise(source as u32);
            model.raise(source);
            format!("raise {source}")
        }
        1 => {
            plic.lower(source as u32);
            model.sources[source].line = false;
            format!("lower {source}")
        }
        2 => {
            let value: u32 = u.int_in_range(0..=9)?;
            write(plic, 4 * source as u64, value);
            model.sources[source].priority = value % 8;
            format!("priority of {source} = {value}")
        }
        3 | 4 => {
            let (half, value) = (u.int_in_range(0..=1)?, u.arbitrary::<u32>()?);
            let value = if u.ratio(1, 2)? { u32::MAX } else { value };
            write(plic, enabled(at) + 4 * half, value);
            for bit in (0..32).skip(usize::from(half == 0)) {
                model.targets[context].enabled[32 * half as usize + bit] = value >> bit & 1 == 1;
            }
            format!("enabled of {context} = {value:#x}")
        }
        5 => {
            let value: u32 = u.int_in_range(0..=9)?;
            write(plic, threshold(at), value);
            model.targets[context].threshold = value % 8;
            format!("threshold of {context} = {value}")
        }
        6 => {
            assert_eq!(read(plic, claim(at)), model.claim(context), "claim of {context}");
            format!("claim of {context}")
        }
        7 => {
            let value = *u.choose(&[0, source as u32, source as u32, 64, u32::MAX])?;
            write(plic, claim(at), value);
            model.complete(context, value);
            format!("{context} completes {value}")
        }
        _ => stray(u, plic)?,
    })
}

/// Accesses what is no register, or with another length, which does nothing.
fn stray(u: &mut Unstructured<'_>, plic: &Plic) -> Result<String> {
    let offset =
        *u.choose(&[0, 0x100, 0x1000, 0x1008, 0x2001, 0x1f_fffc, 0x20_0008, 0x20_3004, 0xff_fffc])?;
    let length = *u.choose(&[1, 2, 4, 8])?;
    let mut data = [0xff; 8];
    let data = &mut data[..length];
    plic.write(offset, data).unwrap();
    Device::read(plic, offset, data);
    Ok(format!("stray access of {length} at {offset:#x}"))
}

#[test]
fn the_controller_does_what_the_specification_says_whatever_is_done_to_it() {
    arbtest(|u| {
        let ((plic, outputs), mut model) = (plic(), Model::new());
        assert_eq!(plic.length(), threshold(COUNT as u64));
        for source in [1, 31, 32, 63] {
            let priority = u.int_in_range(0..=3)?;
            write(&plic, 4 * source as u64, priority);
            model.sources[source].priority = priority;
        }
        write(&plic, enabled(0), u32::MAX);
        model.targets[0].enabled[1..32].fill(true);
        while !u.is_empty() {
            let done = act(u, &plic, &mut model)?;
            assert_eq!(*outputs.lock().unwrap(), model.outputs(), "after {done}");
            for (offset, value) in model.registers() {
                assert_eq!(read(&plic, offset), value, "at {offset:#x} after {done}");
            }
        }
        Ok(())
    });
}
