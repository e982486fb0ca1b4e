//! Releases of the kernel, as far as tables name them.

use std::fmt;

/// A release series: `6.12` of `6.12.107-cloud`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Release {
    major: u32,
    minor: u32,
}

impl Release {
    /// Reads the first two numbers; `None` where there are not two.
    pub(crate) fn parse(text: &str) -> Option<Release> {
        let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(str::parse);
        match (numbers.next()?, numbers.next()?) {
            (Ok(major), Ok(minor)) => Some(Release { major, minor }),
            _ => None,
        }
    }

    /// Whether a row with these first and last releases exists in this one.
    pub(crate) fn is_within(self, since: Option<&str>, until: Option<&str>) -> bool {
        let since = since.and_then(Release::parse);
        let until = until.and_then(Release::parse);
        since.is_none_or(|since| since <= self) && until.is_none_or(|until| self <= until)
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_compare_by_number() {
        let release = |text| Release::parse(text).unwrap();
        assert!(release("6.9") < release("6.12.107+deb13-amd64"));
        assert_eq!(release("7.3-rc1"), release("7.3.4"));
        assert_eq!(release("6.12.1").to_string(), "6.12");
        assert!(["", "7", "next-2026", "7.x"].iter().all(|text| Release::parse(text).is_none()));
    }

    #[test]
    fn since_and_until_are_inclusive() {
        let is_within = |since, until| Release::parse("6.12.5").unwrap().is_within(since, until);
        assert!(is_within(None, None));
        assert!(is_within(Some("6.12"), Some("6.12")));
        assert!(!is_within(Some("6.13"), None));
        assert!(!is_within(None, Some("6.11")));
        assert!(is_within(Some("6.9"), Some("7.0")));
    }
}
