//! What generated code costs to compile, against bare newtypes with the same getters and builders.

use std::fmt::Write;
use std::fs;
use std::process::Command;
use std::time::Duration;

use onereg_codegen::emit::rust::{ValueTypes, emit};
use onereg_codegen::{Sources, load};
use onereg_tests::command::run as command;
use onereg_tests::tables;

use crate::best::ratio;
use crate::processor;
use crate::synthetic::{self, Fields};

const OUTPUT: &str = "target/bench";
const REGISTERS: usize = 1000;

pub(crate) fn run() -> Result<(), String> {
    let root = tables::root();
    let mut cargo = Command::new("cargo");
    cargo.current_dir(&root).args(["build", "--package", "onereg", "--no-default-features"]);
    command(cargo.args(["--target-dir", OUTPUT]))?;
    let baseline = measure("newtypes", &newtypes())?;
    println!(
        "  {REGISTERS} bare newtypes with 4 getters and builders: {baseline:.2?} of processor time"
    );
    for (name, fields) in [("plain", Fields::Plain), ("enumerated", Fields::Enumerated)] {
        let time = measure(name, &generated(REGISTERS, fields)?)?;
        println!(
            "  {REGISTERS} registers with 4 fields, {name}: {:.2} times (target: at most 1.4)",
            ratio(time, baseline)
        );
    }
    Ok(())
}

/// Generates the Rust of made-up registers.
pub(crate) fn generated(registers: usize, fields: Fields) -> Result<String, String> {
    let sources = Sources::gather("arch.yaml", |path| match path {
        "arch.yaml" => Ok(synthetic::ARCH.to_owned()),
        _ => Ok(synthetic::rows(registers, fields)),
    });
    let arch = load(&sources).map_err(|findings| findings[0].to_string())?;
    Ok(emit(&arch, ValueTypes::Own))
}

/// Newtypes as one would write them, with the fields of the made-up registers.
fn newtypes() -> String {
    let mut text = String::new();
    for index in 0..REGISTERS {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "/// Register {index}.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reg{index:05}(pub u64);

impl Reg{index:05} {{
    /// ENABLE.
    #[inline]
    pub const fn enable(self) -> bool {{ self.0 >> 63 & 1 != 0 }}
    /// MODE.
    #[inline]
    pub const fn mode(self) -> u8 {{ (self.0 >> 60 & 7) as u8 }}
    /// COUNT.
    #[inline]
    pub const fn count(self) -> u32 {{ (self.0 >> 32 & 0xfff_ffff) as u32 }}
    /// LEVEL.
    #[inline]
    pub const fn level(self) -> u32 {{ self.0 as u32 }}
    /// ENABLE.
    #[inline]
    pub const fn with_enable(self, value: bool) -> Self {{ Self(self.0 & !(1 << 63) | (value as u64) << 63) }}
    /// MODE.
    #[inline]
    pub const fn with_mode(self, value: u8) -> Self {{ Self(self.0 & !(7 << 60) | (value as u64 & 7) << 60) }}
    /// COUNT.
    #[inline]
    pub const fn with_count(self, value: u32) -> Self {{ Self(self.0 & !(0xfff_ffff << 32) | (value as u64 & 0xfff_ffff) << 32) }}
    /// LEVEL.
    #[inline]
    pub const fn with_level(self, value: u32) -> Self {{ Self(self.0 & !0xffff_ffff | value as u64) }}
}}
"
        );
    }
    text
}

/// Best processor time of the compiler for `text`, as `cargo check` would run it.
fn measure(name: &str, text: &str) -> Result<Duration, String> {
    let root = tables::root();
    let source = format!("{OUTPUT}/{name}.rs");
    fs::write(root.join(&source), text).map_err(|error| format!("{source}: {error}"))?;
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let mut rustc = Command::new("rustc");
        rustc.current_dir(&root).args(["--edition=2024", "--crate-type=lib", "--emit=metadata"]);
        rustc.arg(format!("--extern=onereg={OUTPUT}/debug/libonereg.rlib"));
        rustc.arg(format!("-Ldependency={OUTPUT}/debug/deps"));
        rustc.args(["--out-dir", OUTPUT, &source]);
        let before = processor::of_children()?;
        command(&mut rustc)?;
        best = best.min(processor::of_children()? - before);
    }
    Ok(best)
}
