//! What the compiler makes of a typed register access, beside the raw ioctl.

use std::fs;

use crate::command::run;
use crate::compiler::rustc;
use crate::tables::root;

const OUTPUT: &str = "target/instructions.s";

/// Instructions that two functions execute from their begin to their return when nothing fails.
#[derive(Debug)]
pub struct Instructions {
    /// The ioctl as one would write it by hand.
    pub by_hand: Vec<String>,
    /// Through the register's constant.
    pub typed: Vec<String>,
}

/// Compiles `tests/instructions/access.rs` as a release build does and reads its assembly (x86-64).
///
/// Instructions that save and restore registers for the callers are left out: what a function needs when the access
/// fails decides how many of these there are.
///
/// # Errors
///
/// Returns the output of the compiler, or what its assembly lacks.
pub fn instructions() -> Result<Instructions, String> {
    let mut rustc = rustc()?;
    rustc.args(["-Copt-level=3", "-Cpanic=abort", "--emit=asm", "-o", OUTPUT]);
    run(rustc.arg("tests/instructions/access.rs"))?;
    let text =
        fs::read_to_string(root().join(OUTPUT)).map_err(|error| format!("{OUTPUT}: {error}"))?;
    Ok(Instructions { by_hand: fast_path(&text, "by_hand")?, typed: fast_path(&text, "typed")? })
}

/// Instructions of `function` up to its first return; the path of a failure lies behind it.
fn fast_path(assembly: &str, function: &str) -> Result<Vec<String>, String> {
    let label = format!("{function}:");
    let lines = assembly.lines().skip_while(|line| *line != label).skip(1);
    let mut path = Vec::new();
    for line in lines {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['.', '#']) || line.ends_with(':') {
            continue;
        }
        if line.starts_with("ret") {
            return Ok(path);
        }
        if !saves(line) {
            path.push(line.replace('\t', " "));
        }
    }
    Err(format!("the assembly has no `{function}` that returns"))
}

/// Whether an instruction only keeps a register, the argument's included, for later.
fn saves(line: &str) -> bool {
    let argument_kept = line.starts_with("movl\t%edi, %e") || line.starts_with("movq\t%rdi, %r");
    line.starts_with("push") || line.starts_with("pop") || argument_kept
}
