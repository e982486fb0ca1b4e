//! What the options of `onereg new` do not say, asked one by one.

use std::io::{self, BufRead, Write};

use onereg_codegen::model::{Arch, Group};

use super::table::{Table, group};
use crate::cli::args::NewArgs;
use crate::cli::failure::Failure;
use crate::cli::find;

/// A value of the row that can be asked for.
struct Question {
    key: &'static str,
    text: &'static str,
    /// What an empty answer stands for, and leaves out; `None` where an answer is needed.
    default: Option<&'static str>,
    slot: fn(&mut NewArgs) -> &mut Option<String>,
}

const QUESTIONS: &[Question] = &[
    Question {
        key: "name",
        text: "Name, of a family as X{0..30}",
        default: None,
        slot: |args| &mut args.name,
    },
    Question {
        key: "width",
        text: "Width in bits, ulong or vlenb",
        default: None,
        slot: |args| &mut args.width,
    },
    Question { key: "number", text: "Number", default: None, slot: |args| &mut args.number },
    Question {
        key: "access",
        text: "Access, rw, ro or wo",
        default: Some("rw"),
        slot: |args| &mut args.access,
    },
    Question {
        key: "rule",
        text: "Kernel file and function that refuse the other access",
        default: None,
        slot: |args| &mut args.rule,
    },
    Question {
        key: "since",
        text: "First kernel release that has it, where that is known",
        default: Some(""),
        slot: |args| &mut args.since,
    },
    Question {
        key: "content",
        text: "What its value is without fields: value, implementation-defined, opaque, or not known",
        default: Some(""),
        slot: |args| &mut args.content,
    },
    Question {
        key: "doc",
        text: "What it is, in one line",
        default: None,
        slot: |args| &mut args.doc,
    },
];

/// Completes the arguments with answers, each of which is checked before the next question.
pub(super) fn answered(
    archs: &[Arch],
    args: &NewArgs,
    input: &mut dyn BufRead,
    output: &mut dyn Write,
) -> Result<NewArgs, Failure> {
    let mut args = args.clone();
    let mut ask = |question: &str, take: &mut dyn FnMut(&str) -> Result<(), String>| {
        ask(question, take, input, output)
    };
    if args.arch.is_none() {
        let names: Vec<_> = archs.iter().map(|arch| arch.name.as_str()).collect();
        ask(&format!("Architecture, {}", names.join(", ")), &mut |answer| {
            args.arch = Some(find::arch(archs, answer).map_err(said)?.name.clone());
            Ok(())
        })?;
    }
    let arch = find::arch(archs, args.arch.as_deref().unwrap_or_default())?;
    if args.group.is_none() {
        let names: Vec<_> = arch.groups.iter().map(|group| group.name.as_str()).collect();
        ask(&format!("Group, {}", names.join(", ")), &mut |answer| {
            args.group = Some(group(arch, answer).map_err(said)?.name.clone());
            Ok(())
        })?;
    }
    let table = Table::find(archs, &args)?;
    for question in QUESTIONS {
        let is_settled = question.key == "rule" && args.access.is_none();
        if is_settled || (question.slot)(&mut args).is_some() {
            continue;
        }
        ask(&text(question, table.group), &mut |answer| {
            args = taken(question, answer, &args, &table)?;
            Ok(())
        })?;
    }
    Ok(args)
}

/// Asks until an answer is taken.
fn ask(
    question: &str,
    take: &mut dyn FnMut(&str) -> Result<(), String>,
    input: &mut dyn BufRead,
    output: &mut dyn Write,
) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::new(format!("cannot ask: {error}"));
    loop {
        write!(output, "{question}: ").and_then(|()| output.flush()).map_err(failed)?;
        let mut answer = String::new();
        if input.read_line(&mut answer).map_err(failed)? == 0 {
            return Err(Failure::new("the answers ended: nothing is written"));
        }
        let Err(problem) = take(answer.trim()) else { return Ok(()) };
        writeln!(output, "{problem}").map_err(failed)?;
    }
}

/// The arguments with an answer in them, or what is wrong with it.
fn taken(
    question: &Question,
    answer: &str,
    args: &NewArgs,
    table: &Table<'_>,
) -> Result<NewArgs, String> {
    let mut args = args.clone();
    if answer.is_empty() && question.default.is_none() {
        return Err("there is no default: an answer is needed".to_owned());
    }
    if answer.is_empty() || question.default == Some(answer) {
        return Ok(args);
    }
    *(question.slot)(&mut args) = Some(answer.to_owned());
    table.problem(&args, question.key).map_or(Ok(args), Err)
}

/// A question, with the parts of numbers and with the default.
fn text(question: &Question, group: &Group) -> String {
    let parts: Vec<_> = group.parts.iter().map(|part| format!("{}=0", part.name)).collect();
    let parts = match question.key {
        "number" if !parts.is_empty() => format!(", as {}", parts.join(",")),
        _ => String::new(),
    };
    let default = question.default.filter(|default| !default.is_empty());
    let default = default.map(|default| format!(" [{default}]")).unwrap_or_default();
    format!("{}{parts}{default}", question.text)
}

/// What a failure says, without the name of the program.
fn said(failure: Failure) -> String {
    failure.message.trim_end().trim_start_matches("onereg: ").to_owned()
}
