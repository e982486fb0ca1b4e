//! The kernel that the tables are proven against: its uapi headers and its sources.
//!
//! Both are Debian packages, fetched and unpacked into the user's cache on first use (`packages.rs`) and installed
//! nowhere. Nothing of them is part of this repository.

mod packages;

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::command::{run, run_with};

/// The headers and sources of one Linux release.
#[derive(Debug)]
pub struct Kernel {
    version: String,
    headers: PathBuf,
    sources: PathBuf,
}

impl Kernel {
    /// Returns the kernel, fetched and unpacked by the first caller.
    ///
    /// # Errors
    ///
    /// Says why the packages cannot be had, and what to do.
    pub fn get() -> Result<&'static Kernel, String> {
        static KERNEL: OnceLock<Result<Kernel, String>> = OnceLock::new();
        KERNEL
            .get_or_init(|| packages::unpacked().map(Kernel::unpacked_at))
            .as_ref()
            .map_err(Clone::clone)
    }

    fn unpacked_at(folder: PathBuf) -> Kernel {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        Kernel {
            version: name.into_owned(),
            headers: folder.join("headers/usr"),
            sources: folder.join("sources"),
        }
    }

    /// Returns the Debian version of the packages: `7.3.4-1~bpo13+1`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Reads one file of the kernel's source, by its path in the tree: `arch/x86/kvm/msrs.c`.
    ///
    /// # Errors
    ///
    /// Names a file that is not there or is not text.
    pub fn source(&self, path: &str) -> Result<String, String> {
        if !Path::new(path).components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(format!("{path}: not a path in the kernel's tree"));
        }
        fs::read_to_string(self.sources.join(path))
            .map_err(|error| format!("{path} of Linux {}: {error}", self.version))
    }

    /// Compiles a C program against the uapi headers of `arch` (the kernel's name), runs it and returns the value of
    /// every expression.
    ///
    /// `prelude` is C text put before `main`: includes, helper macros. `stddef.h` is included before it.
    ///
    /// # Errors
    ///
    /// Says what the compiler said.
    pub fn c_values(
        &self,
        arch: &str,
        prelude: &str,
        expressions: &[String],
    ) -> Result<Vec<u64>, String> {
        let program = Scratch::new("values");
        let mut compiler = self.compiler(arch);
        compiler.arg("-o").arg(&program.0).args(["-x", "c", "-"]);
        run_with(&mut compiler, &c_program(prelude, expressions))
            .map_err(|error| format!("uapi headers of {arch}: {error}"))?;
        let printed = run(&mut Command::new(&program.0))?;
        let values: Result<Vec<_>, _> =
            printed.lines().map(|line| u64::from_str_radix(line, 16)).collect();
        values.map_err(|error| {
            format!("uapi headers of {arch}: the program printed no number: {error}")
        })
    }

    /// Lists the macros that a uapi header of `arch` itself defines with a value and without arguments, in its order:
    /// `asm/kvm.h`.
    ///
    /// # Errors
    ///
    /// Says what the preprocessor said.
    pub fn uapi_macros(&self, arch: &str, header: &str) -> Result<Vec<String>, String> {
        let mut compiler = self.compiler(arch);
        compiler.args(["-E", "-dD", "-x", "c", "-"]);
        let text = run_with(&mut compiler, &format!("#include <{header}>\n"))
            .map_err(|error| format!("uapi header {header} of {arch}: {error}"))?;
        Ok(macros_of(&text, header))
    }

    /// The host's C compiler, with the uapi headers of `arch` before its own.
    fn compiler(&self, arch: &str) -> Command {
        let mut compiler = Command::new("gcc");
        compiler
            .args(["-w", "-fmax-errors=3", "-I"])
            .arg(self.headers.join("lib/linux/uapi").join(arch));
        compiler.arg("-I").arg(self.headers.join("include"));
        compiler
    }
}

/// Writes a program that prints the value of each expression in hex, one a line.
fn c_program(prelude: &str, expressions: &[String]) -> String {
    let print = |expression: &String| {
        format!("\tprintf(\"%llx\\n\", (unsigned long long)({expression}));\n")
    };
    let prints: String = expressions.iter().map(print).collect();
    format!(
        "#include <stddef.h>\n{prelude}\nint printf(const char *, ...);\nint main(void)\n{{\n{prints}\treturn 0;\n}}\n"
    )
}

/// Finds the macros that `header` defines in the output of `gcc -E -dD`, where a line `# 12 "FILE" 1` says which file
/// the next lines are from.
fn macros_of(text: &str, header: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut here = false;
    for line in text.lines() {
        if let Some(marker) = line.strip_prefix("# ") {
            here = marker.split('"').nth(1).is_some_and(|file| Path::new(file).ends_with(header));
        } else if let Some(definition) = line.strip_prefix("#define ").filter(|_| here) {
            let (name, value) = definition.split_once(' ').unwrap_or((definition, ""));
            if !value.is_empty() && !name.contains('(') {
                names.push(name.to_owned());
            }
        }
    }
    names
}

/// A file in the folder for temporary files, removed when dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Scratch(std::env::temp_dir().join(format!("onereg-{name}-{}-{count}", std::process::id())))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // It is not there when nothing could be compiled.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_owns_only_its_own_object_like_macros() {
        let text = "# 1 \"<stdin>\"\n#define A 1\n# 1 \"/x/asm/kvm.h\" 1\n#define __GUARD \n#define B 2\n#define C(x) x\n\
                    # 3 \"/x/linux/types.h\" 1\n#define D 4\n# 9 \"/x/asm/kvm.h\" 2\n#define E (B + 1)\n";
        assert_eq!(macros_of(text, "asm/kvm.h"), ["B", "E"]);
    }
}
