//! `onereg decode`.

use std::path::Path;

use anstyle::Style;
use onereg_codegen::model::Group;
use onereg_codegen::query::{
    Decoded, FieldValue, Located, Member, Relative, attributes, bits_text, decode, field_values,
    number_text,
};
use serde_json::{Map, Value, json};

use super::args::{DecodeArgs, Format};
use super::entry;
use super::failure::Failure;
use super::style::{self, paint};
use super::{tables, text};

pub(crate) fn run(root: &Path, args: &DecodeArgs) -> Result<String, Failure> {
    let archs = tables::load(root)?;
    let decoded = decode(&archs, args.id);
    let value = args.value.map(|value| fitting(value, &decoded)).transpose()?;
    let fields = fields(&decoded, value);
    let output = match args.format {
        Format::Text => in_words(&decoded, value, &fields),
        Format::Json => format!("{:#}\n", Value::from(object(&decoded, value, &fields))),
    };
    if decoded.register.is_some() { Ok(output) } else { Err(unknown(&decoded).with_output(output)) }
}

/// Checks that `value` is no wider than the register.
fn fitting(value: u128, decoded: &Decoded<'_>) -> Result<u128, Failure> {
    if value.checked_shr(decoded.width).unwrap_or(0) == 0 {
        return Ok(value);
    }
    Err(Failure::new(format!(
        "the value {value:#x} has more than the {} bits of the id",
        decoded.width
    )))
}

fn fields<'a>(decoded: &Decoded<'a>, value: Option<u128>) -> Vec<FieldValue<'a>> {
    let layout = decoded.register.and_then(|located| located.member.layout());
    layout.zip(value).map(|(layout, value)| field_values(layout, value)).unwrap_or_default()
}

fn unknown(decoded: &Decoded<'_>) -> Failure {
    let id = format!("{:#018x}", decoded.id);
    match decoded.arch {
        Some(arch) => Failure::new(format!("no register of {} has the id {id}", arch.name)),
        None => Failure::new(format!(
            "no table is for the architecture of {id}, bits 63..56: {:#04x}",
            decoded.code()
        )),
    }
}

fn in_words(decoded: &Decoded<'_>, value: Option<u128>, fields: &[FieldValue<'_>]) -> String {
    let mut facts = vec![("id", paint(style::ID, &format!("{:#018x}", decoded.id)))];
    facts.extend(parts(decoded));
    match decoded.register {
        Some(located) => facts.extend(register(&located)),
        None => facts.push(("name", "none that the tables know".to_owned())),
    }
    let near = |member: &Member<'_>| {
        let (id, name) = (paint(style::ID, &member.place()), paint(style::NAME, &member.name()));
        ("nearest", format!("{id} {name}, {} bits", member.width()))
    };
    facts.extend(decoded.nearest.iter().map(near));
    facts.extend(value.map(|value| ("value", format!("{value:#x}"))));
    let rows: Vec<_> =
        facts.into_iter().map(|(label, fact)| vec![label.to_owned(), fact]).collect();
    text::table("", &rows) + &field_lines(fields)
}

/// What the bits of the id say.
fn parts(decoded: &Decoded<'_>) -> Vec<(&'static str, String)> {
    let width = format!("{} bits", decoded.width);
    let (arch, width) = match decoded.arch {
        Some(arch) if !arch.is_kvm() => (arch.name.clone(), width),
        arch => {
            let name = arch.map_or("unknown", |arch| &arch.name);
            let (code, size) = (decoded.code(), decoded.size_code());
            (format!("{name}, code {code:#04x}"), format!("{width}, size code {size}"))
        }
    };
    let (group, number) = match decoded.group {
        Some(group) => {
            (format!("{}: {}", group.name, group.doc), number_text(group, decoded.number()))
        }
        None => ("unknown".to_owned(), format!("{:#x}", decoded.number())),
    };
    vec![("arch", arch), ("width", width), ("group", group), ("number", number)]
}

fn register(located: &Located<'_>) -> Vec<(&'static str, String)> {
    let member = &located.member;
    let mut facts =
        vec![("name", format!("{}: {}", paint(style::NAME, &member.name()), member.row.doc))];
    if member.row.slices > 0 {
        facts.push(("slice", located.slice.to_string()));
    }
    facts.extend(attributes(member));
    facts
}

fn field_lines(fields: &[FieldValue<'_>]) -> String {
    let row = |value: &FieldValue<'_>| {
        let bits = bits_text(&[value.piece]);
        let name = paint(style::NAME, &value.field.name);
        vec![bits, name, paint(value_style(value), &value.text), value.field.doc.clone()]
    };
    text::table("  ", &fields.iter().map(row).collect::<Vec<_>>())
}

fn value_style(value: &FieldValue<'_>) -> Style {
    let is_named = value.field.values.iter().any(|named| named.name == value.text);
    if value.is_wrong() {
        style::WRONG
    } else if is_named || value.bits != 0 && !value.field.kind.is_reserved() {
        style::SET
    } else {
        Style::new()
    }
}

fn object(
    decoded: &Decoded<'_>,
    value: Option<u128>,
    fields: &[FieldValue<'_>],
) -> Map<String, Value> {
    let mut object = match &decoded.register {
        Some(located) => entry::entry(&located.member),
        None => entry::object([
            ("arch", json!(decoded.arch.map(|arch| &arch.name))),
            ("name", Value::Null),
            ("id", Value::Null),
            ("width", json!(decoded.width)),
            ("group", json!(decoded.group.map(|group| &group.name))),
        ]),
    };
    let slice = decoded
        .register
        .filter(|located| located.member.row.slices > 0)
        .map(|located| located.slice);
    let aliases = decoded
        .register
        .map(|located| located.member.aliases().iter().map(Relative::name).collect::<Vec<_>>());
    object.extend(entry::object([
        ("id", json!(format!("{:#018x}", decoded.id))),
        ("number", json!(decoded.number())),
        ("parts", decoded.group.map_or(Value::Null, |group| group_parts(group, decoded.number()))),
        ("slice", json!(slice)),
        ("aliases", json!(aliases)),
        ("nearest", decoded.nearest.iter().map(near).collect()),
        ("value", json!(value.map(|value| format!("{value:#x}")))),
        ("fields", fields.iter().map(field).collect()),
    ]));
    object
}

fn group_parts(group: &Group, number: u64) -> Value {
    group
        .parts
        .iter()
        .map(|part| (part.name.clone(), json!(part.of(number))))
        .collect::<Map<_, _>>()
        .into()
}

fn near(member: &Member<'_>) -> Value {
    json!({"name": member.name(), "id": member.place(), "width": member.width()})
}

fn field(value: &FieldValue<'_>) -> Value {
    let bits =
        u64::try_from(value.bits).map_or_else(|_| json!(format!("{:#x}", value.bits)), Value::from);
    json!({
        "name": value.field.name,
        "msb": value.piece.msb,
        "lsb": value.piece.lsb,
        "value": bits,
        "text": value.text,
    })
}

#[cfg(test)]
mod tests {
    use onereg_codegen::model::Host;
    use onereg_codegen::query::members;

    use super::*;
    use crate::cli::text::tests::assert_fits;

    #[test]
    fn every_value_fits_a_terminal() {
        let Some(archs) = tables::tests::repository() else { return };
        for id in
            archs.iter().flat_map(|arch| members(arch, Host::default())).filter_map(|it| it.id())
        {
            let decoded = decode(&archs, id);
            let most = u128::MAX >> 128u32.saturating_sub(decoded.width);
            for value in [0, most] {
                let fields = fields(&decoded, Some(value));
                assert_fits(&in_words(&decoded, Some(value), &fields));
            }
        }
    }
}
