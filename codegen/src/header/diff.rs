//! What a unified diff says of the new text: macros, and the constants and members that number registers.

use super::names::SYSREG;

/// A macro, a constant of an enumeration, or a member of a struct.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Definition<'a> {
    pub(super) name: String,
    /// Names of its parameters; `None` without a parameter list.
    pub(super) parameters: Option<Vec<&'a str>>,
    /// Its text, without comments, or why the diff does not say it.
    pub(super) body: Body,
    /// Path of its file, as the diff has it.
    pub(super) path: &'a str,
    /// Byte offset of its name.
    pub(super) offset: usize,
    /// Whether it is new, or has a new text.
    pub(super) is_added: bool,
}

/// What a name stands for, as the diff says it.
type Body = Result<String, &'static str>;

/// A line of the new text, with those that continue it.
struct Line<'a> {
    /// What `text` has on its first line: a slice of the diff.
    first: &'a str,
    text: String,
    path: &'a str,
    is_added: bool,
    /// Whether the diff leaves lines out before it.
    is_behind_gap: bool,
}

/// The header with structs whose members are registers.
pub(super) const MEMBERS: &str = "arch/riscv/include/uapi/asm/kvm.h";

/// Whether a text is a unified diff.
pub fn is_diff(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("@@ -"))
}

/// Lists the definitions of the new text, in its order.
pub(super) fn definitions(diff: &str) -> Vec<Definition<'_>> {
    let mut found = Vec::new();
    let mut run = None;
    for line in joined(lines(diff)) {
        let text = line.text.trim();
        let run_before = run.take().filter(|_| !line.is_behind_gap);
        let parsed = match constant(text) {
            Some((name, value)) => {
                let (body, this) = numbered(name, value, run_before);
                run = Some(this);
                Some((name.to_owned(), None, body))
            }
            None => defined(&line).or_else(|| encoding(line.first)).or_else(|| member(&line)),
        };
        if text.starts_with("enum ") {
            run = Some(("0x0".to_owned(), 0));
        }
        let Some((name, parameters, body)) = parsed else { continue };
        // The list of encodings has names without their prefix.
        let column =
            column(line.first, &name).or_else(|| column(line.first, name.strip_prefix(SYSREG)?));
        let offset = offset_in(diff, line.first) + column.unwrap_or(0);
        let Line { path, is_added, .. } = line;
        found.push(Definition { name, parameters, body, path, offset, is_added });
    }
    found
}

/// Constants of an enumeration whose numbers follow one another: that of the first, and how many there are.
type Run = (String, usize);

/// The number of a constant, where the diff says it, and the run that it is the latest of.
fn numbered(name: &str, value: Option<&str>, run: Option<Run>) -> (Body, Run) {
    match (value, run) {
        (Some(value), _) => (Ok(value.to_owned()), (value.to_owned(), 1)),
        (None, Some((first, before))) => (Ok(format!("({first}) + {before}")), (first, before + 1)),
        (None, None) => {
            (Err("its number follows from lines that the diff leaves out"), (name.to_owned(), 1))
        }
    }
}

/// Lists the lines of the new text that the diff has.
fn lines(diff: &str) -> Vec<Line<'_>> {
    let mut found = Vec::new();
    let (mut path, mut in_hunk, mut is_behind_gap) = ("", false, true);
    let mut rest = diff.lines().peekable();
    while let Some(line) = rest.next() {
        if line.starts_with("@@ -") {
            (in_hunk, is_behind_gap) = (true, true);
            continue;
        }
        let is_head =
            line.starts_with("--- ") && rest.peek().is_some_and(|next| next.starts_with("+++ "));
        if is_head || !(line.is_empty() || line.starts_with([' ', '+', '-', '\\'])) {
            in_hunk = false;
        }
        let new = line.strip_prefix('+').map(|text| (text, true));
        let kept = line.strip_prefix(' ').map(|text| (text, false));
        match new.or(kept) {
            Some((first, is_added)) if in_hunk => {
                let text = first.to_owned();
                found.push(Line { first, text, path, is_added, is_behind_gap });
                is_behind_gap = false;
            }
            // `diff` puts a time behind the path.
            _ if !in_hunk && line.starts_with("+++ ") => {
                path = line[4..].split('\t').next().unwrap_or_default();
            }
            _ => {}
        }
    }
    found
}

/// Joins each line with those that continue it, and removes comments.
fn joined(lines: Vec<Line<'_>>) -> Vec<Line<'_>> {
    let mut found: Vec<Line<'_>> = Vec::new();
    for line in lines {
        match found.last_mut() {
            Some(last) if last.text.ends_with('\\') && !line.is_behind_gap => {
                last.text.pop();
                last.text.push_str(&line.text);
                last.is_added |= line.is_added;
            }
            _ => found.push(line),
        }
    }
    for line in &mut found {
        line.text = without_comments(&line.text);
    }
    found
}

/// Removes the comments of a line.
fn without_comments(text: &str) -> String {
    let line = text.split("//").next().unwrap_or_default();
    let mut parts = line.split("/*");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |kept, part| kept + part.split_once("*/").map_or("", |(_, rest)| rest))
}

/// What a line defines: the name, the parameters, the text.
type Parsed<'a> = (String, Option<Vec<&'a str>>, Body);

/// A macro.
fn defined<'a>(line: &Line<'a>) -> Option<Parsed<'a>> {
    let directive = line.text.trim_start().strip_prefix('#')?.trim_start();
    let text = directive.strip_prefix("define")?.trim_start();
    let end = text.find(|c| !is_word(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() {
        return None;
    }
    let Some(list) = rest.strip_prefix('(') else {
        return Some((name.to_owned(), None, Ok(rest.trim().to_owned())));
    };
    let (_, body) = list.split_once(')')?;
    // The names outlive the joined text: they stand in the diff, in the line of the macro's name.
    let (_, own) = line.first.split_once('(')?;
    let own = own.split(')').next()?;
    let parameters = own.split(',').map(str::trim).collect();
    Some((name.to_owned(), Some(parameters), Ok(body.trim().to_owned())))
}

/// A line of arm64's list of encodings, as the macro that is made of it.
fn encoding(line: &str) -> Option<Parsed<'_>> {
    let words: Vec<_> = line.split_whitespace().collect();
    let ["Sysreg", name, parts @ ..] = words.as_slice() else { return None };
    Some((format!("{SYSREG}{name}"), None, Ok(format!("sys_reg({})", parts.join(", ")))))
}

/// The constant of a register that a line of an enumeration has, and its number where it stands there.
fn constant(line: &str) -> Option<(&str, Option<&str>)> {
    let line = line.strip_suffix(',').unwrap_or(line);
    let (name, value) = match line.split_once('=') {
        Some((name, value)) => (name.trim(), Some(value.trim())),
        None => (line, None),
    };
    let is_constant = name.starts_with("KVM_RISCV_") && name.chars().all(is_word);
    is_constant.then_some((name, value))
}

/// A member of a struct of riscv's header, whose registers are numbered by their offset.
fn member<'a>(line: &Line<'_>) -> Option<Parsed<'a>> {
    let declared = line.text.trim().strip_suffix(';').filter(|_| line.path.ends_with(MEMBERS))?;
    let (_, name) = declared.rsplit_once(' ').filter(|_| !declared.contains(['(', '\t']))?;
    let is_name = !name.is_empty() && name.chars().all(|c| is_word(c) && !c.is_ascii_uppercase());
    is_name.then(|| (name.to_owned(), None, Err("its number is its place in the struct")))
}

/// Where a line has a name.
fn column(line: &str, name: &str) -> Option<usize> {
    let mut places = line.match_indices(name).map(|(at, _)| at);
    places
        .find(|at| !line[..*at].ends_with(is_word) && !line[at + name.len()..].starts_with(is_word))
}

/// Byte offset of a part of `text`.
fn offset_in(text: &str, part: &str) -> usize {
    part.as_ptr().addr().saturating_sub(text.as_ptr().addr())
}

/// Whether a character may be part of a C name.
pub(super) fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
