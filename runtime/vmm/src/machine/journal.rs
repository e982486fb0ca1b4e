//! What the VMM says while a guest runs: one JSON object a line, or the important of it for people.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;

use log::kv::{self, Key, VisitSource};
use log::{Level, LevelFilter, Log, Metadata, Record};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::failure::Failure;

/// Starts the log: to `stderr`, to a file, or without either for people, who get warnings and errors.
pub(super) fn start(to: Option<&Path>, level: LevelFilter) -> Result<(), Failure> {
    let (journal, level): (Box<dyn Log>, _) = match to {
        None => (Box::new(ForPeople), LevelFilter::Warn),
        Some(path) if path == Path::new("stderr") => (ForPrograms::boxed(io::stderr()), level),
        Some(path) => {
            let file = File::options().create(true).append(true).open(path).map_err(|error| {
                Failure::new(format!("cannot open the log {}: {error}", path.display()))
            })?;
            (ForPrograms::boxed(file), level)
        }
    };
    log::set_boxed_logger(journal)
        .map_err(|error| Failure::new(format!("cannot start the log: {error}")))?;
    log::set_max_level(level);
    Ok(())
}

/// Writes to stderr as errors are written there.
struct ForPeople;

impl Log for ForPeople {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let kind = if record.level() == Level::Warn { "warning: " } else { "" };
        let _ = writeln!(io::stderr(), "onereg-vmm: {kind}{}", record.args());
    }

    fn flush(&self) {}
}

/// Writes JSON objects, each in one piece.
struct ForPrograms(Mutex<Box<dyn Write + Send>>);

impl ForPrograms {
    fn boxed(to: impl Write + Send + 'static) -> Box<dyn Log> {
        Box::new(ForPrograms(Mutex::new(Box::new(to))))
    }
}

impl Log for ForPrograms {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let line = object(record).to_string() + "\n";
        // A log that cannot be written has nowhere to say so.
        let _ = self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes());
    }

    fn flush(&self) {}
}

/// Makes an object of a message: when, how important, which thread, what, and its values by name.
fn object(record: &Record<'_>) -> Value {
    let now = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
    let thread = thread::current();
    let mut values = Values(Map::new());
    values.put("time", now);
    values.put("level", record.level().as_str().to_lowercase());
    values.put("thread", thread.name().unwrap_or("unnamed"));
    values.put("message", record.args().to_string());
    // Collecting fails only where this fails, which it does not.
    let _ = record.key_values().visit(&mut values);
    Value::Object(values.0)
}

struct Values(Map<String, Value>);

impl Values {
    fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }
}

impl<'kvs> VisitSource<'kvs> for Values {
    fn visit_pair(&mut self, key: Key<'kvs>, value: kv::Value<'kvs>) -> Result<(), kv::Error> {
        match value.to_u64() {
            Some(number) => self.put(key.as_str(), number),
            None => self.put(key.as_str(), value.to_string()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_an_object_with_its_values() {
        let values = [("cpus", kv::Value::from(2)), ("kernel", kv::Value::from("a \"b\""))];
        let said = format_args!("started\nnow");
        let record = Record::builder().level(Level::Warn).args(said).key_values(&values).build();
        let object = object(&record);
        assert!(object["time"].as_str().unwrap().starts_with("20"), "{object}");
        let thread = thread::current().name().unwrap().to_owned();
        for (key, value) in [
            ("level", Value::from("warn")),
            ("thread", Value::from(thread)),
            ("message", Value::from("started\nnow")),
            ("cpus", Value::from(2)),
            ("kernel", Value::from("a \"b\"")),
        ] {
            assert_eq!(object[key], value, "{key}");
        }
        assert_eq!(object.to_string().lines().count(), 1);
    }
}
