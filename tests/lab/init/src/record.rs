//! How a program ended, as one line of text.

use std::fmt;
use std::str::FromStr;

/// How a program ended in a host.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Record {
    /// It exited with this status.
    Exited(u8),
    /// This signal ended it.
    Killed(u8),
    /// It did not run: why.
    Failed(String),
}

impl fmt::Display for Record {
    /// Writes the line that [`FromStr`] reads, with its end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Record::Exited(status) => writeln!(f, "exited {status}"),
            Record::Killed(signal) => writeln!(f, "killed {signal}"),
            Record::Failed(why) => writeln!(f, "failed {}", why.replace('\n', " ")),
        }
    }
}

impl FromStr for Record {
    type Err = String;

    /// Reads exactly one complete line: a host that stops while it writes has not reported.
    fn from_str(text: &str) -> Result<Record, String> {
        let record = text.strip_suffix('\n').and_then(|line| {
            let (kind, value) = line.split_once(' ')?;
            match kind {
                "exited" => value.parse().ok().map(Record::Exited),
                "killed" => value.parse().ok().map(Record::Killed),
                "failed" => (!value.contains('\n')).then(|| Record::Failed(value.to_owned())),
                _ => None,
            }
        });
        record.ok_or_else(|| format!("{text:?} is not how a program ends"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_its_line() {
        let records =
            [Record::Exited(7), Record::Killed(11), Record::Failed("no /dev/kvm".to_owned())];
        for record in records {
            assert_eq!(record.to_string().parse(), Ok(record));
        }
        let two_lines = Record::Failed("a\nb".to_owned());
        assert_eq!(two_lines.to_string(), "failed a b\n");
    }

    #[test]
    fn what_is_cut_off_or_more_than_one_line_is_no_record() {
        for text in
            ["", "\n", "exited 7", "exited\n", "exited 256\n", "exited 0\nexited 0\n", "ended 0\n"]
        {
            assert!(text.parse::<Record>().is_err(), "{text:?}");
        }
    }
}
