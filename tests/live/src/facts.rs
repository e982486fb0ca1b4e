//! What is known of a vCPU and its host, in the words of the tables' `requires`.

use std::collections::{BTreeMap, BTreeSet};

/// Known conditions. What is not known neither holds nor fails.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    known: BTreeMap<String, bool>,
    /// Kinds of which everything that holds is known.
    complete: BTreeSet<&'static str>,
}

impl Facts {
    /// Notes whether a condition holds: `note("isa", "Ssaia", true)`.
    pub(crate) fn note(&mut self, kind: &str, name: &str, holds: bool) {
        self.known.insert(key(kind, name), holds);
    }

    /// Notes that conditions of this kind hold only where noted.
    pub(crate) fn complete(&mut self, kind: &'static str) {
        self.complete.insert(kind);
    }

    /// Evaluates one condition of a row, `KIND:NAME`, `KIND:A|B` or `KIND:!A`; `None` where it is not known.
    pub(crate) fn evaluate(&self, condition: &str) -> Option<bool> {
        let (kind, names) = condition.split_once(':')?;
        let mut result = Some(false);
        for name in names.split('|') {
            let holds = match name.strip_prefix('!') {
                Some(name) => self.lookup(kind, name).map(|holds| !holds),
                None => self.lookup(kind, name),
            };
            match holds {
                Some(true) => return Some(true),
                Some(false) => {}
                None => result = None,
            }
        }
        result
    }

    fn lookup(&self, kind: &str, name: &str) -> Option<bool> {
        let known = self.known.get(&key(kind, name)).copied();
        known.or_else(|| self.complete.contains(kind).then_some(false))
    }
}

/// Names of extensions are written in more than one way: `Ssaia`, `SSAIA`.
fn key(kind: &str, name: &str) -> String {
    format!("{kind}:{}", name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        let mut facts = Facts::default();
        facts.note("isa", "SSAIA", true);
        facts.note("cap", "KVM_CAP_ARM_MTE", false);
        facts.note("feature", "A", true);
        facts.complete("feature");
        facts
    }

    #[test]
    fn conditions_are_true_false_or_not_known() {
        let cases = [
            ("isa:Ssaia", Some(true)),
            ("isa:Zicfiss", None),
            ("cap:KVM_CAP_ARM_MTE", Some(false)),
            ("feature:A", Some(true)),
            ("feature:B", Some(false)),
            ("feature:!A", Some(false)),
            ("feature:!B", Some(true)),
            ("isa:!Zicfiss", None),
            ("no condition", None),
        ];
        for (condition, expected) in cases {
            assert_eq!(facts().evaluate(condition), expected, "{condition}");
        }
    }

    #[test]
    fn one_alternative_is_enough() {
        let cases = [
            ("isa:Zicfiss|Ssaia", Some(true)),
            ("feature:B|A", Some(true)),
            ("feature:B|C", Some(false)),
            ("cap:KVM_CAP_ARM_MTE|OTHER", None),
        ];
        for (condition, expected) in cases {
            assert_eq!(facts().evaluate(condition), expected, "{condition}");
        }
    }
}
