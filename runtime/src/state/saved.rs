//! A register of a state, as its user sees it.

use std::fmt;

use super::{Entry, Key, VcpuState};
use crate::table::{Class, Digits, Info};

/// A register of a [`VcpuState`] with its value.
#[derive(Clone, Copy)]
pub struct Saved<'a> {
    pub(super) state: &'a VcpuState,
    pub(super) entry: &'a Entry,
}

impl<'a> Saved<'a> {
    /// Returns the name; empty for an id that was carried without a row.
    pub fn name(self) -> &'a str {
        &self.entry.name
    }

    /// Returns the 64-bit id, where it has one.
    pub fn id(self) -> Option<u64> {
        match self.entry.key {
            Key::Id(id) => Some(id),
            Key::Via { .. } | Key::Block { .. } => None,
        }
    }

    /// Whether this is a struct as a whole, whose contents no row names.
    pub fn is_block(self) -> bool {
        self.entry.block.is_some()
    }

    /// Returns the carrier and the byte offset in its struct of a register that another ioctl carries.
    pub fn via(self) -> Option<(&'a str, u16)> {
        match &self.entry.key {
            Key::Id(_) | Key::Block { .. } => None,
            Key::Via { carrier, offset, .. } => Some((carrier, *offset)),
        }
    }

    /// Returns the class that the register had when it was captured.
    pub fn class(self) -> Class {
        self.entry.class
    }

    /// Returns the register in this build's table; `None` where it has no row.
    pub fn info(self) -> Option<&'static Info> {
        self.entry.info
    }

    /// Returns the value in this host's byte order.
    pub fn value(self) -> &'a [u8] {
        self.state.value(self.entry)
    }
}

impl fmt::Display for Saved<'_> {
    /// Writes name, fields and value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.info() {
            Some(info) => info.format(self.value()).fmt(f),
            None => write!(f, "{} {}", self.entry.label(), Digits(self.value())),
        }
    }
}

impl fmt::Debug for Saved<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Entry {
    /// Names the register in a message: its name and its id or its place in a struct.
    pub(super) fn label(&self) -> String {
        let name = if self.name.is_empty() { "register without a name" } else { &self.name };
        match &self.key {
            Key::Id(id) => format!("{name} ({id:#018x})"),
            Key::Via { carrier, offset, .. } => format!("{name} ({carrier} + {offset:#x})"),
            Key::Block { carrier } => format!("{carrier} (block)"),
        }
    }
}
