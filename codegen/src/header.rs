//! Registers that a diff of kernel headers adds: the macros and constants that name them, and their ids.
//!
//! The id comes from the diff alone where it can. What the diff has no definition of, as the macros that all ids are
//! made with, comes from the tables.

mod diff;
mod expression;
mod names;

use std::collections::BTreeMap;

use self::diff::Definition;
use self::expression::{Names, evaluate};
use self::names::Named;
use crate::model::{Arch, SIZE_MASK};

pub use diff::is_diff;

/// Endings of macros that count what others name.
const COUNTS: [&str; 2] = ["_MAX", "_LAST"];
/// What makes a macro the bits of a register, or an instruction, where others are numbers and encodings.
const OTHERS: [&str; 5] = ["<<", "~", "BIT", "GENMASK", "sys_insn"];

/// A macro or a constant that is new, and a register's by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    /// Its own name: `KVM_REG_ARM_PSCI_VERSION`.
    pub macro_name: String,
    /// Name of the register in the tables: `PSCI_VERSION`.
    pub name: String,
    /// Byte offset in the diff.
    pub offset: usize,
    /// Id of the register, or why it is not known.
    pub id: Result<u64, String>,
}

/// Lists the registers that a diff adds to the headers of `archs`, in its order.
///
/// A macro with a register's name that is none by its value, as a mask or a group, is left out.
pub fn added(archs: &[Arch], diff: &str) -> Vec<Added> {
    let definitions = diff::definitions(diff);
    let scope =
        Scope { archs, definitions: definitions.iter().map(|it| (it.name.as_str(), it)).collect() };
    definitions.iter().filter(|it| it.is_added).filter_map(|it| scope.register(it)).collect()
}

/// Computes an id that is written as in the kernel's sources, and as its own test of register lists prints them:
/// `ARM64_SYS_REG(3, 0, 1, 0, 0)`.
///
/// # Errors
///
/// Says what is in the way.
pub fn id(archs: &[Arch], expression: &str) -> Result<u64, String> {
    evaluate(expression, &Scope { archs, definitions: BTreeMap::new() })
}

/// What names in expressions stand for.
struct Scope<'a> {
    archs: &'a [Arch],
    definitions: BTreeMap<&'a str, &'a Definition<'a>>,
}

impl Scope<'_> {
    fn register(&self, definition: &Definition<'_>) -> Option<Added> {
        let name = &definition.name;
        let named = names::register(self.archs, name, definition.path)?;
        if COUNTS.iter().any(|end| name.ends_with(end)) || names::is_helper(name) {
            return None;
        }
        let id = match (&definition.parameters, &definition.body) {
            (Some(_), _) => {
                Err("it takes arguments, so it names more than one register".to_owned())
            }
            (None, Err(why)) => Err((*why).to_owned()),
            (None, Ok(body)) => self.id(&named, name, body).transpose()?,
        };
        let (macro_name, offset) = (name.clone(), definition.offset);
        Some(Added { macro_name, name: named.name, offset, id })
    }

    /// The id that a macro's text stands for; `None` where it is no register's.
    fn id(&self, named: &Named<'_>, name: &str, body: &str) -> Result<Option<u64>, String> {
        let is_other = OTHERS.iter().any(|part| body.contains(part));
        // Private headers number bits and counts in decimal, and registers in hex.
        let is_count = body.parse::<u64>().is_ok() && !name.starts_with(names::KVM);
        match named.group {
            Some(_) if is_other || is_count => Ok(None),
            Some(group) => names::id(named.arch, group, 64, &[evaluate(body, self)?]).map(Some),
            None if is_other && name.starts_with(names::SYSREG) => Ok(None),
            None => {
                let id = evaluate(body, self)?;
                let is_of_arch = id & names::CODE_MASK == names::code(named.arch);
                Ok((is_of_arch && id & SIZE_MASK != 0).then_some(id))
            }
        }
    }
}

impl Names for Scope<'_> {
    fn definition(&self, name: &str) -> Option<(&[&str], &str)> {
        let found = self.definitions.get(name).filter(|_| !names::is_helper(name))?;
        Some((found.parameters.as_deref().unwrap_or_default(), found.body.as_deref().ok()?))
    }

    fn value(&self, name: &str) -> Option<u64> {
        names::value(self.archs, name)
    }

    fn is_function(&self, name: &str) -> bool {
        names::is_function(name) || self.definition(name).is_some()
    }

    fn call(&self, name: &str, arguments: &[u64]) -> Option<Result<u64, String>> {
        names::call(self.archs, name, arguments)
    }
}
