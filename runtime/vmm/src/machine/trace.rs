//! `--trace`: when chosen registers and fields of a vCPU changed, from one exit to the next.

use std::io::{self, Write};

use onereg::{Access, Arch, BulkError, Change, Digits, Info, Recorder, Registers};

use crate::failure::Failure;

/// Changes kept for each vCPU: the newest ones.
const LIMIT: usize = 10_000;

/// What to watch: a register, or one field of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watch {
    register: &'static Info,
    field: Option<&'static str>,
}

/// Finds the registers and fields of a list, `NAME` or `NAME.FIELD` each, in the table of `A`.
pub(super) fn parse<A: Arch>(list: &[String]) -> Result<Vec<Watch>, Failure> {
    list.iter().map(|name| watch::<A>(name)).collect()
}

fn watch<A: Arch>(text: &str) -> Result<Watch, Failure> {
    let (name, field) = match text.split_once('.') {
        Some((name, field)) => (name, Some(field)),
        None => (text, None),
    };
    let arch = A::TABLE.name;
    let Some(register) = A::TABLE.by_name(name) else {
        return Err(Failure::new(format!(
            "cannot trace `{name}`: {arch} has no such register: `onereg list --arch {arch}` prints every name"
        )));
    };
    if register.row.access == Access::WriteOnly {
        return Err(Failure::new(format!("cannot trace `{name}`: it can only be written")));
    }
    let known = |field| register.row.fields.iter().find(|known| known.name == field);
    let field = match field {
        None => None,
        Some(field) => Some(known(field).map(|field| field.name).ok_or_else(|| {
            Failure::new(format!(
                "cannot trace `{text}`: {name} has no such field: `onereg show {name}` prints its fields"
            ))
        })?),
    };
    Ok(Watch { register, field })
}

/// The changes of what is watched on one vCPU.
#[derive(Debug)]
pub(super) struct Trace {
    watches: Vec<Watch>,
    recorder: Recorder,
    exits: u64,
}

impl Trace {
    /// Reads what is watched for the first time.
    pub(super) fn start<A: Arch>(
        vcpu: &impl Registers<A>,
        watches: &[Watch],
    ) -> Result<Trace, Failure> {
        let mut registers: Vec<&'static Info> =
            watches.iter().map(|watch| watch.register).collect();
        registers.sort();
        registers.dedup();
        let recorder = Recorder::start(vcpu, registers, LIMIT)?;
        Ok(Trace { watches: watches.to_vec(), recorder, exits: 0 })
    }

    /// Looks for changes after another exit.
    pub(super) fn exit<A: Arch>(&mut self, vcpu: &impl Registers<A>) -> Result<(), BulkError> {
        self.exits += 1;
        self.recorder.record(vcpu, self.exits)
    }

    /// Prints the changes, oldest first.
    pub(super) fn print(&self, vcpu: usize, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "Changes on vCPU {vcpu} in {} exits:", self.exits)?;
        if self.recorder.forgotten() > 0 {
            writeln!(out, "  (the {} before these were not kept)", self.recorder.forgotten())?;
        }
        for change in self.recorder.changes() {
            for watch in self.watches.iter().filter(|watch| watch.register == change.register) {
                watch.print(change, out)?;
            }
        }
        Ok(())
    }
}

impl Watch {
    /// Prints one line for a change of what is watched; none where only other fields changed.
    fn print(&self, change: &Change, out: &mut impl Write) -> io::Result<()> {
        let Change { moment, register, before, after } = change;
        let Some(name) = self.field else {
            let (before, after) = (Digits(before), Digits(after));
            return writeln!(out, "  exit {moment}: {} {before} -> {after}", register.name);
        };
        if change.of_field(register.name, name).is_none() {
            return Ok(());
        }
        for (before, after) in register.fields(before).zip(register.fields(after)) {
            if before.field.name == name {
                writeln!(out, "  exit {moment}: {}.{name} {before} -> {after}", register.name)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use onereg::x86::{EFER, RIP};
    use onereg::{Host, Memory, X86};

    use super::*;

    fn watches(list: &[&str]) -> Result<Vec<Watch>, Failure> {
        parse::<X86>(&list.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn what_is_watched_is_printed_and_nothing_else() {
        let vcpu = Memory::<X86>::new(Host::LP64);
        let mut trace = Trace::start(&vcpu, &watches(&["EFER.LMA", "RIP"]).unwrap()).unwrap();
        vcpu.update(EFER, |efer| efer.with_lme(true)).unwrap();
        trace.exit(&vcpu).unwrap();
        vcpu.update(EFER, |efer| efer.with_lma(true)).unwrap();
        vcpu.set(RIP, 0x10).unwrap();
        trace.exit(&vcpu).unwrap();
        let mut text = Vec::new();
        trace.print(7, &mut text).unwrap();
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "Changes on vCPU 7 in 2 exits:\n  exit 2: EFER.LMA 0 -> 1\n  \
             exit 2: RIP 0x0000000000000000 -> 0x0000000000000010\n"
        );
    }

    #[test]
    fn what_does_not_exist_is_named() {
        for (name, expected) in [
            ("EFFER", "cannot trace `EFFER`: x86 has no such register"),
            ("EFER.LMB", "cannot trace `EFER.LMB`: EFER has no such field"),
            ("RIP.LMA", "cannot trace `RIP.LMA`: RIP has no such field"),
        ] {
            let error = watches(&[name]).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
