//! A register as an entry of `list`.

use onereg_codegen::model::{Field, Layout, Piece};
use onereg_codegen::query::{Member, Relative, pieces};
use serde_json::{Map, Value, json};

/// What the tables say of a register, by key.
pub(crate) fn entry(member: &Member<'_>) -> Map<String, Value> {
    let row = member.row;
    let hex = |id: u64| format!("{id:#018x}");
    let carrier = row.via.map(|carrier| &member.arch.carriers[carrier]);
    object([
        ("arch", json!(member.arch.name)),
        ("name", json!(member.name())),
        ("id", json!(member.id().map(hex))),
        ("width", json!(member.width())),
        ("group", json!(member.group().name)),
        ("access", json!(row.access.word())),
        ("write", json!(row.write.word())),
        ("requires", json!(row.requires)),
        ("since", json!(row.since)),
        ("until", json!(row.until)),
        ("write_since", json!(row.write_since)),
        ("scope", json!(row.scope.word())),
        ("listed", json!(member.is_in_reg_list())),
        ("listed_by", json!(member.id().map(|_| row.listed.word()))),
        ("hidden", json!(row.hidden)),
        ("class", json!(row.class.word())),
        ("phase", json!(member.phase())),
        ("content", json!(row.content.map(|content| content.word()))),
        ("alias_of", json!(member.alias_of().map(|relative| relative.name()))),
        ("overlaps", member.overlaps().iter().map(Relative::name).collect()),
        ("slices", json!(row.slices)),
        ("errata", json!(row.errata)),
        ("doc", json!(row.doc)),
        ("source", json!(row.source)),
        ("rule", json!(row.rule)),
        ("via", json!(carrier.map(|carrier| &carrier.name))),
        ("struct", json!(carrier.map(|carrier| &carrier.structure))),
        ("offset", json!(carrier.map(|_| member.number()))),
        ("address", json!(member.address().map(hex))),
    ])
}

/// The fields of a layout, one object for each piece, most significant bits first.
pub(crate) fn fields(layout: Option<&Layout>) -> Value {
    let object = |(field, piece): (&Field, Piece)| json!({"name": field.name, "msb": piece.msb, "lsb": piece.lsb, "kind": field.kind.word()});
    layout.map(pieces).into_iter().flatten().map(object).collect()
}

/// An object with its keys in this order.
pub(crate) fn object<const N: usize>(entries: [(&str, Value); N]) -> Map<String, Value> {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
