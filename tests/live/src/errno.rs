//! Names of errnos.

use std::fmt;

/// An errno; `Display` writes its name and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Errno(pub(crate) i32);

const NAMES: &[(i32, &str)] = &[
    (libc::EPERM, "EPERM"),
    (libc::ENOENT, "ENOENT"),
    (libc::EINTR, "EINTR"),
    (libc::EIO, "EIO"),
    (libc::ENXIO, "ENXIO"),
    (libc::E2BIG, "E2BIG"),
    (libc::ENOEXEC, "ENOEXEC"),
    (libc::EAGAIN, "EAGAIN"),
    (libc::ENOMEM, "ENOMEM"),
    (libc::EACCES, "EACCES"),
    (libc::EFAULT, "EFAULT"),
    (libc::EBUSY, "EBUSY"),
    (libc::EEXIST, "EEXIST"),
    (libc::ENODEV, "ENODEV"),
    (libc::EINVAL, "EINVAL"),
    (libc::ENOTTY, "ENOTTY"),
    (libc::ERANGE, "ERANGE"),
    (libc::EOPNOTSUPP, "EOPNOTSUPP"),
];

impl From<&std::io::Error> for Errno {
    fn from(error: &std::io::Error) -> Errno {
        Errno(error.raw_os_error().unwrap_or(0))
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(number, _)| *number == self.0) {
            Some((number, name)) => write!(f, "{name} ({number})"),
            None => write!(f, "errno {}", self.0),
        }
    }
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It succeeded.
    Accepted,
    /// It succeeded and changed nothing.
    Ignored,
    /// The kernel refused it.
    Refused(Errno),
}

impl Outcome {
    /// Takes the outcome of an access to a register.
    pub(crate) fn of<T>(result: &Result<T, onereg::Error>) -> Outcome {
        match result.as_ref().map_err(onereg::Error::kind) {
            Ok(_) => Outcome::Accepted,
            Err(onereg::ErrorKind::Errno(number)) => Outcome::Refused(Errno(number)),
            // Not the kernel's: the register has no place on this host.
            Err(_) => Outcome::Refused(Errno(0)),
        }
    }

    /// Takes the outcome of a write by what the register reads afterwards.
    pub(crate) fn of_write<T: PartialEq>(
        written: Result<(), onereg::Error>,
        read: Result<T, onereg::Error>,
        expected: T,
    ) -> Outcome {
        match (Outcome::of(&written), read) {
            (Outcome::Accepted, Ok(value)) if value != expected => Outcome::Ignored,
            (outcome, _) => outcome,
        }
    }

    /// Takes the outcome of another call.
    pub(crate) fn of_call<T>(result: &std::io::Result<T>) -> Outcome {
        result.as_ref().map_or_else(|error| Outcome::Refused(error.into()), |_| Outcome::Accepted)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Accepted => f.write_str("accepted"),
            Outcome::Ignored => f.write_str("ignored"),
            Outcome::Refused(errno) => errno.fmt(f),
        }
    }
}

/// What should become of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// It succeeds.
    Accepted,
    /// It succeeds and changes nothing.
    Ignored,
    /// The kernel refuses it with one of these errnos.
    Refused(&'static [i32]),
}

impl Expected {
    /// Whether `outcome` is as expected.
    pub(crate) fn is(self, outcome: Outcome) -> bool {
        match (self, outcome) {
            (Expected::Accepted, Outcome::Accepted) | (Expected::Ignored, Outcome::Ignored) => true,
            (Expected::Refused(errnos), Outcome::Refused(Errno(errno))) => errnos.contains(&errno),
            _ => false,
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expected::Accepted => f.write_str("accepted"),
            Expected::Ignored => f.write_str("ignored"),
            Expected::Refused(errnos) => {
                let names: Vec<String> =
                    errnos.iter().map(|errno| Errno(*errno).to_string()).collect();
                f.write_str(&names.join(" or "))
            }
        }
    }
}
