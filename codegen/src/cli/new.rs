//! `onereg new`: a row in its place, from options and, on a terminal, from answers.

mod questions;
mod table;

use std::io::{self, IsTerminal as _};
use std::path::Path;

use clap::CommandFactory as _;
use clap::error::ErrorKind;
use onereg_codegen::format::format;

use self::table::Table;
use super::args::{Args, NewArgs};
use super::failure::Failure;
use super::tables;

/// Writes the row behind the one with the next lower number, and says where it stands.
pub(crate) fn run(root: &Path, args: &NewArgs) -> Result<String, Failure> {
    let archs = tables::load(root)?;
    if args.missing().is_empty() {
        return Table::find(&archs, args)?.write(args);
    }
    if !io::stdin().is_terminal() {
        let missing = args.missing().join(", ");
        let message = format!("on no terminal that could be asked, {missing} must be given");
        Args::command().error(ErrorKind::MissingRequiredArgument, message).exit();
    }
    let args = questions::answered(&archs, args, &mut io::stdin().lock(), &mut io::stderr())?;
    Table::find(&archs, &args)?.write(&args)
}

/// Writes a row, as it stands under `registers:` in the form of `onereg fmt`.
fn row(args: &NewArgs) -> String {
    let (row, _) = spelled(args, "");
    match format("rows.yaml", &format!("registers:\n{row}")) {
        Ok(text) => text.split_inclusive('\n').skip(1).collect(),
        // It is no YAML, and refused where it is read.
        Err(_) => row,
    }
}

/// Writes a row with the place of `key` in it; what is not given yet has a value that any row may have.
fn spelled(args: &NewArgs, key: &str) -> (String, std::ops::Range<usize>) {
    let given = |value: &Option<String>, other: &str| value.clone().unwrap_or_else(|| other.into());
    let number = given(&args.number, "0");
    let number = match number.contains('=') {
        true => format!("{{{}}}", number.replace('=', ": ").replace(',', ", ")),
        false => number,
    };
    let optional = [
        ("access", &args.access),
        ("rule", &args.rule),
        ("since", &args.since),
        ("content", &args.content),
    ];
    let optional = optional.into_iter().filter_map(|(key, value)| Some((key, value.as_ref()?)));
    let mut entries = vec![
        ("name", plain(&given(&args.name, "NEW"))),
        ("width", given(&args.width, "64")),
        ("number", number),
    ];
    entries.extend(optional.map(|(key, value)| (key, quoted(value))));
    entries.push(("doc", quoted(&given(&args.doc, "To be described"))));
    let mut text = String::from("  - {");
    let mut place = 0..0;
    for (own, value) in entries {
        let start = text.len();
        text += &format!("{own}: {value}, ");
        if own == key {
            place = start..text.len();
        }
    }
    (text.trim_end_matches(", ").to_owned() + "}\n", place)
}

/// A text as the tables have it: double-quoted.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A name, which needs no quotes unless it is a family's.
fn plain(name: &str) -> String {
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_plain && !name.is_empty() { name.to_owned() } else { quoted(name) }
}
