//! vCPUs in memory that keep rules, and values to fill them with.

use std::ops::ControlFlow;

use onereg::{
    Arch, Error, ErrorKind, FieldKind, Host, Info, Memory, Operation, Place, Plan, Registers,
    Report,
};

/// Numbers that look random and are the same in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ mixed >> 27
    }

    /// Fills `value` with one that the register's fields allow.
    pub(crate) fn legal(&mut self, info: &Info, value: &mut [u8]) {
        value.iter_mut().for_each(|byte| *byte = self.next() as u8);
        if info.row.fields.is_empty() || value.len() > 16 {
            return;
        }
        let mut bits: u128 = 0;
        for field in info.row.fields {
            let ones = u128::MAX >> (128 - field.width());
            let raw = match field.kind {
                FieldKind::Res0 | FieldKind::Raz | FieldKind::Unkn => 0,
                FieldKind::Res1 => ones,
                FieldKind::Enum => {
                    let values = field.values;
                    u128::from(values[self.next() as usize % values.len()].1)
                }
                _ => u128::from(self.next()) & ones,
            };
            bits = field.insert(bits, raw).unwrap();
        }
        let length = value.len();
        if cfg!(target_endian = "little") {
            value.copy_from_slice(&bits.to_le_bytes()[..length]);
        } else {
            value.copy_from_slice(&bits.to_be_bytes()[16 - length..]);
        }
    }
}

/// What a write does: nothing, or an errno.
pub(crate) type Rule<A> = Box<dyn Fn(&Memory<A>, Place, &[u8]) -> Result<(), i32>>;

/// A vCPU in memory whose writes follow a rule.
pub(crate) struct Strict<A: Arch> {
    pub(crate) memory: Memory<A>,
    rule: Rule<A>,
}

impl<A: Arch> Strict<A> {
    pub(crate) fn new(
        rule: impl Fn(&Memory<A>, Place, &[u8]) -> Result<(), i32> + 'static,
    ) -> Self {
        Strict { memory: Memory::new(Host::LP64), rule: Box::new(rule) }
    }
}

impl<A: Arch> Registers<A> for Strict<A> {
    fn read_bytes(&self, place: Place, buffer: &mut [u8]) -> Result<(), Error> {
        self.memory.read_bytes(place, buffer)
    }

    fn write_bytes(&self, place: Place, bytes: &[u8]) -> Result<(), Error> {
        (self.rule)(&self.memory, place, bytes).map_err(|errno| {
            Error::new::<A>(Operation::Set, place, self.host(), ErrorKind::Errno(errno))
        })?;
        self.memory.write_bytes(place, bytes)
    }
}

/// A vCPU whose bulk writes come in another order.
pub(crate) struct Shuffled<'a, A: Arch> {
    pub(crate) inner: &'a Strict<A>,
    pub(crate) seed: u64,
}

impl<A: Arch> Registers<A> for Shuffled<'_, A> {
    fn read_bytes(&self, place: Place, buffer: &mut [u8]) -> Result<(), Error> {
        self.inner.read_bytes(place, buffer)
    }

    fn write_bytes(&self, place: Place, bytes: &[u8]) -> Result<(), Error> {
        self.inner.write_bytes(place, bytes)
    }

    fn write_many_bytes(&self, plan: &Plan, buffer: &[u8], report: &mut Report) -> ControlFlow<()> {
        let mut random = Random(self.seed);
        let mut order: Vec<usize> = (0..plan.slots().len()).collect();
        order.sort_by_cached_key(|_| random.next());
        order.into_iter().try_for_each(|position| {
            let slot = &plan.slots()[position];
            report.record(position, self.write_bytes(slot.place(), slot.bytes(buffer)))
        })
    }
}
