//! Whether a state can be restored on a host, judged from what the host says of itself.

use std::collections::BTreeMap;
use std::iter;

use super::difference::Difference;
use super::restore::VmWide;
use super::treat::{self, Treatment};
use super::{Entry, Key, VcpuState};
use crate::bits::{FieldValue, Safe};
use crate::table::{Class, Digits, Info, WriteRule};

/// What a vCPU of a host has, as `onereg-vmm probe` prints it.
#[derive(Debug, Clone, Default)]
pub struct HostProfile {
    kernel: String,
    by_id: BTreeMap<u64, Option<Vec<u8>>>,
    by_name: BTreeMap<String, Option<Vec<u8>>>,
    writable: BTreeMap<String, Vec<u8>>,
}

impl HostProfile {
    /// Describes a host by the release of its kernel; it has no registers yet.
    pub fn new(kernel: &str) -> HostProfile {
        HostProfile { kernel: kernel.to_owned(), ..HostProfile::default() }
    }

    /// Adds a register by its id, or by its name where it has none, with its value in this host's byte order; `None` for
    /// one that could not be read.
    pub fn add(&mut self, name: &str, id: Option<u64>, value: Option<Vec<u8>>) {
        match id {
            Some(id) => self.by_id.insert(id, value),
            None => self.by_name.insert(name.to_owned(), value),
        };
    }

    /// Adds which bits of a register can be written, in this host's byte order: a set bit can. Of a register that this is
    /// not said of, every bit counts as one that can.
    pub fn add_writable(&mut self, name: &str, mask: Vec<u8>) {
        self.writable.insert(name.to_owned(), mask);
    }

    fn find(&self, entry: &Entry) -> Option<&Option<Vec<u8>>> {
        match entry.key {
            Key::Id(id) => self.by_id.get(&id),
            Key::Via { .. } | Key::Block { .. } => self.by_name.get(&*entry.name),
        }
    }
}

/// Whether a state can be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It can.
    Restorable,
    /// It can, when registers are left out whose loss is safe.
    WhenDropped,
    /// It cannot.
    Blocked,
}

impl Verdict {
    /// Returns the word for it: `restorable-when-dropped`.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Restorable => "restorable",
            Verdict::WhenDropped => "restorable-when-dropped",
            Verdict::Blocked => "blocked",
        }
    }
}

/// A register that a host does not have as the state has it.
#[derive(Debug, Clone)]
pub struct Concern {
    /// The register and both values.
    pub difference: Difference,
    /// What it means for a restore: [`Verdict::Restorable`] for one that is only worth knowing.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
}

impl VcpuState {
    /// Judges whether the state can be restored into a vCPU of that host, without one: every register that the host lacks
    /// or has with another value that matters.
    ///
    /// A profile shows one vCPU with all features; what a host takes beyond what it shows is not known and counts as
    /// refused. Blocks are in no profile and not judged.
    pub fn check(&self, host: &HostProfile) -> Vec<Concern> {
        let judged = self.entries.iter().filter(|entry| entry.block.is_none());
        judged.filter_map(|entry| self.judge(entry, host)).collect()
    }

    fn judge(&self, entry: &Entry, host: &HostProfile) -> Option<Concern> {
        let saved = self.value(entry);
        let concern = |difference, (verdict, reason)| Some(Concern { difference, verdict, reason });
        match host.find(entry) {
            None => {
                concern(Difference::gone(entry, saved), self.missing(entry, saved, &host.kernel))
            }
            Some(None) => None,
            Some(Some(here)) if here.len() != saved.len() => {
                let why = "the host has it with another width".to_owned();
                concern(Difference::new(entry, saved, here), (Verdict::Blocked, why))
            }
            Some(Some(here)) if here == saved => None,
            Some(Some(here)) => {
                let mask = host.writable.get(&*entry.name).map(Vec::as_slice);
                let judged = differing(entry.info?, saved, here, mask)?;
                concern(Difference::new(entry, saved, here), judged)
            }
        }
    }

    /// Judges a register that the host does not have.
    fn missing(&self, entry: &Entry, saved: &[u8], kernel: &str) -> (Verdict, String) {
        let Some(info) = entry.info else {
            return (Verdict::Blocked, "neither the host nor this build's table has it".to_owned());
        };
        if info.row.class == Class::Derived {
            return (Verdict::WhenDropped, "it follows from other registers".to_owned());
        }
        if saved.iter().all(|byte| *byte == 0) {
            let why = "it is 0: the guest has not used what a vCPU without it lacks";
            return (Verdict::WhenDropped, why.to_owned());
        }
        if let Some(condition) = info.row.requires.iter().find(|asked| self.rules_out(asked)) {
            return (Verdict::WhenDropped, format!("the guest never had it: it needs {condition}"));
        }
        (Verdict::Blocked, format!("the host does not have it{}", origin(info, kernel)))
    }

    /// Whether the state itself says that a condition does not hold: that of a field of an ID register, which is 0.
    fn rules_out(&self, condition: &str) -> bool {
        let names = condition.strip_prefix("id:").and_then(|names| names.split_once('.'));
        let Some((register, field)) = names else { return false };
        let field = field.split(['@', '>']).next().unwrap_or_default();
        let Some(saved) = self.register(register) else { return false };
        let mut fields = saved.info().into_iter().flat_map(|info| info.fields(saved.value()));
        fields.any(|known| known.field.name == field && known.value == 0)
    }
}

/// Says which kernels have a register, and what it needs.
fn origin(info: &Info, kernel: &str) -> String {
    let mut facts = Vec::new();
    facts.extend(info.row.since.map(|since| format!("since Linux {since}")));
    facts.extend(info.row.until.map(|until| format!("until Linux {until}")));
    if !facts.is_empty() {
        facts.push(format!("the host runs {kernel}"));
    }
    facts.extend(info.row.requires.iter().map(|condition| format!("needs {condition}")));
    if facts.is_empty() { String::new() } else { format!(" ({})", facts.join(", ")) }
}

/// Judges a register that the host has with another value; `None` where that is as it should be.
fn differing(
    info: &'static Info,
    saved: &[u8],
    here: &[u8],
    writable: Option<&[u8]>,
) -> Option<(Verdict, String)> {
    match treat::of(Some(info.row), VmWide::Write) {
        Treatment::Leave(_) => None,
        Treatment::Write => unwritable(info, saved, here, writable),
        Treatment::Compare if info.row.class == Class::PreFinalize => {
            let more = saved.iter().zip(here).any(|(saved, here)| saved & !here != 0);
            more.then(|| (Verdict::Blocked, "the host lacks some of its bits".to_owned()))
        }
        Treatment::Compare => {
            Some((Verdict::Blocked, "it cannot be written and has to match".to_owned()))
        }
        Treatment::WriteOther => {
            Some(match (unwritable(info, saved, here, writable), info.row.write) {
                (Some(blocked), _) => blocked,
                (_, WriteRule::BeforeFirstRun) if info.row.class == Class::Identity => {
                    identity(info, saved, here)
                }
                (_, WriteRule::UpTo) if Digits(saved).number() > Digits(here).number() => {
                    (Verdict::Blocked, "it says more than the host has".to_owned())
                }
                (_, WriteRule::UpTo) if info.row.class == Class::Identity => {
                    (Verdict::Restorable, "the host's value, which says more, stays".to_owned())
                }
                _ => (Verdict::Restorable, "the saved value is written".to_owned()),
            })
        }
    }
}

/// Judges a register that says who the CPU is and takes a new value before the first run.
fn identity(info: &'static Info, saved: &[u8], here: &[u8]) -> (Verdict, String) {
    if is_within(info, saved, here) {
        return (Verdict::Restorable, "the saved value, which says less, is written".to_owned());
    }
    // KVM refuses that also in bits that can be written.
    (Verdict::Blocked, "it says more than the host has".to_owned())
}

/// Judges the bits that differ and cannot be written; `None` of none.
fn unwritable(
    info: &'static Info,
    saved: &[u8],
    here: &[u8],
    writable: Option<&[u8]>,
) -> Option<(Verdict, String)> {
    let differing = saved.iter().zip(here).map(|(saved, here)| saved ^ here);
    let masks = writable?.iter().copied().chain(iter::repeat(0));
    let fixed: Vec<u8> = differing.zip(masks).map(|(differs, mask)| differs & !mask).collect();
    if fixed.iter().all(|byte| *byte == 0) {
        return None;
    }
    let bits = names(info.fields(&fixed).filter(|field| field.value != 0))
        .unwrap_or_else(|| format!("bits {}", Digits(&fixed)));
    Some((Verdict::Blocked, format!("the host does not let {bits} be written")))
}

/// Lists the names of fields; `None` of none.
fn names(fields: impl Iterator<Item = FieldValue>) -> Option<String> {
    let names: Vec<&str> = fields.map(|value| value.field.name).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// Whether no field says more than it does here, and no bit without a name is set that is not set here.
fn is_within(info: &'static Info, saved: &[u8], here: &[u8]) -> bool {
    if info.row.fields.is_empty() {
        return saved.iter().zip(here).all(|(saved, here)| saved & !here == 0);
    }
    let named = info.row.fields.iter().filter(|field| !field.kind.is_reserved());
    let named = named.fold(0, |bits, field| bits | field.mask());
    let unnamed = |value| Digits(value).number().unwrap_or(0) & !named;
    unnamed(saved) & !unnamed(here) == 0
        && info.fields(saved).zip(info.fields(here)).all(|(saved, here)| is_safe(saved, here.value))
}

/// Whether a vCPU takes the value of a field in place of its own.
fn is_safe(saved: FieldValue, here: u128) -> bool {
    let (field, value) = (saved.field, saved.value);
    // Of a signed number, the sign bit counts the other way round.
    let sign = 1 << (field.width() - 1);
    value == here
        || match field.safe {
            Safe::Lower => value < here,
            Safe::Signed => value ^ sign < here ^ sign,
            Safe::Higher => value > here,
            Safe::HigherOrZero => value == 0 || value > here,
            Safe::NotImplemented => field.value_name(value) == Some("NI"),
        }
}
