//! The generator, against the time that the same texts take to be parsed into `serde_yaml::Value`.

use onereg_codegen::emit::artefacts::artefacts;
use onereg_codegen::emit::rust::{ValueTypes, emit};
use onereg_codegen::emit::site::site;
use onereg_codegen::model::Arch;
use onereg_codegen::{Sources, load};
use onereg_tests::tables;
use serde::Deserialize;

use crate::synthetic::{self, Fields};
use crate::{best, best::ratio};

/// Path and text of each file, `arch.yaml` first.
type Tables = Vec<(String, String)>;

pub(crate) fn run() -> Result<(), String> {
    let real = tables::ARCHS.iter().map(|arch| real(arch)).collect::<Result<Vec<_>, _>>()?;
    measure("all tables", &real, "target: at most 2.0 times Value")?;
    reference(&real)?;
    let speed = "targets: at most 2.0 times Value, more than 23000 registers/s";
    measure("1000 rows with 4 fields", &[made_up(1000)], speed)?;
    measure("10000 rows with 4 fields", &[made_up(10000)], speed)
}

/// The committed files and the site, from the texts of all tables.
fn reference(tables: &[Tables]) -> Result<(), String> {
    let emit = || -> Result<usize, String> {
        let archs = tables.iter().map(arch).collect::<Result<Vec<_>, _>>()?;
        let files = artefacts(&archs).into_iter().chain(site(&archs));
        Ok(files.map(|file| file.text.len()).sum())
    };
    let bytes = emit()?;
    let time = best::of(3, emit);
    println!("  docs, listings and site: {bytes} bytes in {time:.1?} (target: under 2 s)");
    Ok(())
}

fn real(arch: &str) -> Result<Tables, String> {
    let path = format!("registers/{arch}/arch.yaml");
    let mut files = Tables::new();
    Sources::gather(&path, |path| {
        let text = std::fs::read_to_string(tables::root().join(path)).map_err(|e| e.to_string())?;
        files.push((path.to_owned(), text.clone()));
        Ok(text)
    });
    Ok(files)
}

fn made_up(rows: usize) -> Tables {
    let file = |name: &str, text: String| (name.to_owned(), text);
    vec![
        file("arch.yaml", synthetic::ARCH.to_owned()),
        file("all.yaml", synthetic::rows(rows, Fields::Enumerated)),
    ]
}

fn measure(name: &str, tables: &[Tables], targets: &str) -> Result<(), String> {
    let registers: u32 = tables
        .iter()
        .map(|tables| {
            arch(tables).map(|arch| arch.registers.iter().map(|row| row.name.count()).sum::<u32>())
        })
        .sum::<Result<u32, String>>()?;
    let value = best::of(9, || {
        for (_, text) in tables.iter().flatten() {
            let document = serde_yaml::Deserializer::from_str(text);
            std::hint::black_box(serde_yaml::Value::deserialize(document).is_ok());
        }
    });
    let checked = best::of(9, || tables.iter().filter(|tables| arch(tables).is_ok()).count());
    let emitted = best::of(9, || {
        tables
            .iter()
            .flat_map(arch)
            .map(|arch| emit(&arch, ValueTypes::Parent).len())
            .sum::<usize>()
    });
    println!(
        "  {name}: Value {value:.1?}, parsed and checked {:.2} times, with Rust {:.2} times, {:.0} registers/s ({targets})",
        ratio(checked, value),
        ratio(emitted, value),
        f64::from(registers) / emitted.as_secs_f64(),
    );
    Ok(())
}

fn arch(tables: &Tables) -> Result<Arch, String> {
    let read = |path: &str| {
        let file = tables.iter().find(|(known, _)| known == path);
        file.map(|(_, text)| text.clone()).ok_or_else(|| "no such file".to_owned())
    };
    let first = tables.first().map_or("", |(path, _)| path.as_str());
    load(&Sources::gather(first, read)).map_err(|findings| findings[0].to_string())
}
