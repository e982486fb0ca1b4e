//! `trait Arm64Registers: Registers<Arm64>` with `pc()` and `set_pc(value)` per register.

use super::ValueType;
use super::text::line;
use crate::model::{Access, Arch, Register};

pub(super) fn emit(out: &mut String, arch: &Arch) {
    let marker = arch.marker();
    line!(out);
    line!(out, "/// Reads and writes every register by a method of its name.");
    line!(out, "///");
    line!(
        out,
        "/// Every method issues the ioctl of the register's constant and returns its error."
    );
    line!(out, "pub trait {marker}Registers: ::onereg::Registers<{marker}> {{");
    for register in arch.registers.iter().filter(|register| register.alias_of.is_none()) {
        methods(out, arch, register);
    }
    line!(out, "}}");
    line!(out);
    line!(
        out,
        "impl<T: ::onereg::Registers<{marker}> + ?::core::marker::Sized> {marker}Registers for T {{}}"
    );
}

fn methods(out: &mut String, arch: &Arch, register: &Register) {
    let (accessor, constant) = (&register.accessor, &register.constant);
    let writer = register.writer();
    let value = ValueType(arch, register);
    let family = register.name.family.is_some();
    let index = if family { ", index: usize" } else { "" };
    let member = |operation| match family {
        true => format!(
            "::onereg::support::member(&{constant}, index, ::onereg::Operation::{operation})?"
        ),
        false => constant.clone(),
    };
    if register.access != Access::WriteOnly {
        line!(out, "    /// Reads [`{constant}`].");
        line!(out, "    #[inline]");
        line!(
            out,
            "    fn {accessor}(&self{index}) -> ::core::result::Result<{value}, ::onereg::Error> {{"
        );
        line!(out, "        self.get({})", member("Get"));
        line!(out, "    }}");
    }
    if register.access != Access::ReadOnly {
        line!(out, "    /// Writes [`{constant}`].");
        line!(out, "    #[inline]");
        line!(
            out,
            "    fn {writer}(&self{index}, value: {value}) -> ::core::result::Result<(), ::onereg::Error> {{"
        );
        line!(out, "        self.set({}, value)", member("Set"));
        line!(out, "    }}");
    }
}
