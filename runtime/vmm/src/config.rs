//! `run --config`: the options of a run as a JSON object.
//!
//! A key is an option without its dashes, and its value what stands behind it: a text or a number, a list of these where
//! the option may be repeated, true or false where nothing stands behind it. What the command line says too, it decides.

use std::any::TypeId;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory, Error, Parser};
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::cli::Cli;

/// Options that mean nothing in a file.
const NOT_IN_FILES: [&str; 3] = ["config", "help", "version"];

/// Reads the command line, and the file that it names.
///
/// # Errors
///
/// Returns what is wrong with either, or the text of `--help`.
pub(crate) fn parse(mut words: Vec<OsString>) -> Result<Cli, Error> {
    // An option may need another one that the file has: what is wrong shows when they are together.
    let given = Cli::command().ignore_errors(true).try_get_matches_from(&words)?;
    if let Some(("run", given)) = given.subcommand()
        && let Some(path) = given.get_one::<PathBuf>("config")
    {
        words.extend(read(path, given)?);
    }
    Cli::try_parse_from(words)
}

/// Reads the options of a file that are not given already.
fn read(path: &Path, given: &ArgMatches) -> Result<Vec<OsString>, Error> {
    let text = fs::read_to_string(path)
        .map_err(|error| wrong(format!("cannot read the options {}: {error}", path.display())))?;
    let mut cli = Cli::command();
    cli.build();
    let Some(run) = cli.find_subcommand("run") else { return Ok(Vec::new()) };
    let mut json = serde_json::Deserializer::from_str(&text);
    let options = File(run).deserialize(&mut json).and_then(|options| {
        json.end()?;
        Ok(options)
    });
    let options = options.map_err(|error| {
        let (line, column, what) = (error.line(), error.column(), error.to_string());
        let what = what.trim_end_matches(&format!(" at line {line} column {column}"));
        wrong(format!("{}:{line}:{column}: {what}", path.display()))
    })?;
    let is_given = |id: &str| given.value_source(id) == Some(ValueSource::CommandLine);
    let new = options.into_iter().filter(|(option, _)| !is_given(option.get_id().as_str()));
    Ok(new.flat_map(|(_, words)| words).collect())
}

fn wrong(message: String) -> Error {
    Error::raw(ErrorKind::ValueValidation, message + "\n")
}

/// A whole file, for the command that the options are of.
struct File<'a>(&'a Command);

impl<'de, 'a> DeserializeSeed<'de> for File<'a> {
    type Value = Vec<(&'a Arg, Vec<OsString>)>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de, 'a> Visitor<'de> for File<'a> {
    type Value = Vec<(&'a Arg, Vec<OsString>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of options, as {\"kernel\": \"vmlinuz\", \"cpus\": 2}")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut options: Self::Value = Vec::new();
        while let Some(option) = map.next_key_seed(Key(self.0))? {
            let words = map.next_value_seed(Value { command: self.0, option })?;
            if options.iter().any(|(known, _)| known.get_id() == option.get_id()) {
                let name = option.get_id();
                return Err(de::Error::custom(format!("`{name}` is there twice: leave one out")));
            }
            options.push((option, words));
        }
        Ok(options)
    }
}

/// The name of an option.
struct Key<'a>(&'a Command);

impl<'de, 'a> DeserializeSeed<'de> for Key<'a> {
    type Value = &'a Arg;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl<'a> Visitor<'_> for Key<'a> {
    type Value = &'a Arg;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of an option")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Self::Value, E> {
        let is_meant = |option: &&Arg| option.get_long() == Some(name);
        let mut options = self.0.get_arguments().filter(|_| !NOT_IN_FILES.contains(&name));
        options.find(is_meant).ok_or_else(|| {
            E::custom(format!(
                "unknown option `{name}`: give those of `onereg-vmm run --help`, without the dashes"
            ))
        })
    }
}

/// What is said of an option.
struct Value<'a> {
    command: &'a Command,
    option: &'a Arg,
}

impl Value<'_> {
    fn takes_list(&self) -> bool {
        matches!(self.option.get_action(), ArgAction::Append)
    }

    fn takes_nothing(&self) -> bool {
        matches!(self.option.get_action(), ArgAction::SetTrue)
    }

    fn takes_number(&self) -> bool {
        let kind = self.option.get_value_parser().type_id();
        [TypeId::of::<u16>(), TypeId::of::<u64>()].iter().any(|number| kind == *number)
    }

    fn name(&self) -> &str {
        self.option.get_long().unwrap_or_default()
    }

    /// Makes a word of the command line, which has to be right on its own.
    fn word<E: de::Error>(&self, text: &str) -> Result<OsString, E> {
        let word = OsString::from(format!("--{}={text}", self.name()));
        let alone =
            self.command.clone().try_get_matches_from([OsString::from("run"), word.clone()]);
        match alone {
            Err(error)
                if matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue) =>
            {
                let text = error.render().to_string();
                let lines = text.lines().take_while(|line| !line.is_empty()).map(str::trim);
                let what = lines.collect::<Vec<_>>().join(" ");
                Err(E::custom(what.trim_start_matches("error: ")))
            }
            _ => Ok(word),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = Vec<OsString>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = Vec<OsString>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match (self.takes_nothing(), self.takes_list(), self.takes_number()) {
            (true, ..) => "true or false",
            (_, true, _) => "a list of texts",
            (_, _, true) => "a number, or a text as on the command line,",
            _ => "a text",
        };
        write!(f, "{what} for `{}`", self.name())
    }

    fn visit_bool<E: de::Error>(self, on: bool) -> Result<Self::Value, E> {
        match self.takes_nothing() {
            true if on => Ok(vec![format!("--{}", self.name()).into()]),
            true => Ok(Vec::new()),
            false => Err(E::invalid_type(de::Unexpected::Bool(on), &self)),
        }
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
        match self.takes_number() {
            true => Ok(vec![self.word(&number.to_string())?]),
            false => Err(E::invalid_type(de::Unexpected::Unsigned(number), &self)),
        }
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        match self.takes_nothing() || self.takes_list() {
            true => Err(E::invalid_type(de::Unexpected::Str(text), &self)),
            false => Ok(vec![self.word(text)?]),
        }
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Self::Value, S::Error> {
        if !self.takes_list() {
            return Err(de::Error::invalid_type(de::Unexpected::Seq, &self));
        }
        let mut words = Vec::new();
        while let Some(text) = list.next_element::<String>()? {
            words.push(self.word(&text)?);
        }
        Ok(words)
    }
}
