//! A register: what the tables say of it, its members where it is a family, its fields.

use std::fmt::Write as _;

use super::html::{code, link, place, text};
use super::{arch, bits};
use crate::emit::usage::usages;
use crate::model::{Arch, Field, Layout, Register, Width};
use crate::query::{Member, Relative, Topic, bits_text, facts, home, row_members, topics};

/// Appends the article of a row: its anchor is the name of its first register.
pub(super) fn article(page: &mut String, arch: &Arch, row: &Register) {
    let first = Member { arch, row, index: 0, host: home(row) };
    let name = first.name();
    let _ = writeln!(
        page,
        "<article id=\"{0}\"><h3><a href=\"#{0}\">{1}</a> <small>{2}</small></h3>",
        text(&name),
        text(&row.name.text),
        text(&row.doc)
    );
    facts_list(page, &first);
    members(page, &first);
    let [wide, narrow] = match row.width {
        Width::Ulong => ["Fields where XLEN is 64", "Fields where XLEN is 32"],
        _ => ["Fields", ""],
    };
    if let Some(layout) = row.layout {
        fields(page, wide, &name, "", &arch.layouts[layout]);
    }
    if let Some(layout) = row.layout32 {
        fields(page, narrow, &name, ":32", &arch.layouts[layout]);
    }
    page.push_str("</article>\n");
}

fn facts_list(page: &mut String, member: &Member<'_>) {
    page.push_str("<dl>");
    for fact in facts(member) {
        let words = match &fact {
            ("id" | "address", place) => code(place),
            _ => topics(member, &fact).into_iter().map(part).collect(),
        };
        let _ = write!(page, "<div><dt>{}</dt><dd>{words}</dd></div>", fact.0);
    }
    for (label, usage) in usages(member) {
        let _ = write!(page, "<div><dt>{label}</dt><dd>{}</dd></div>", code(&usage));
    }
    page.push_str("</dl>\n");
}

/// A part of a fact, with a link to its topic.
fn part((words, topic): (String, Option<Topic<'_>>)) -> String {
    let anchor = match topic {
        None => return text(&words),
        Some(Topic::Register(Relative { row, index })) => row.name.member(index.unwrap_or(0)),
        Some(Topic::Carrier(carrier)) => arch::carrier_anchor(carrier),
        Some(Topic::Class(class)) => arch::class_anchor(class),
        Some(Topic::Phase(phase)) => arch::phase_anchor(phase),
    };
    link(&format!("#{anchor}"), &words)
}

/// Appends the members of a family, each but the first with its anchor.
fn members(page: &mut String, first: &Member<'_>) {
    if first.row.name.family.is_none() {
        return;
    }
    let _ = writeln!(
        page,
        "<details class=\"members\"><summary>{} registers</summary><ul>",
        first.row.name.count()
    );
    for member in row_members(first.arch, first.row, first.host) {
        let name = member.name();
        let id = if member.index > 0 { format!(" id=\"{}\"", text(&name)) } else { String::new() };
        let itself = link(&format!("#{name}"), &name);
        let _ = writeln!(page, "<li{id}>{itself} {}</li>", place(&member.place()));
    }
    page.push_str("</ul></details>\n");
}

/// Appends a layout: the diagram of its bits and the table of its fields, whose attributes the decoder reads.
///
/// Its key is the register's name with a suffix; one with a suffix is an anchor of its own.
fn fields(page: &mut String, title: &str, name: &str, suffix: &str, layout: &Layout) {
    let key = format!("{name}{suffix}");
    let id = if suffix.is_empty() { String::new() } else { format!(" id=\"{}\"", text(&key)) };
    let source = layout.source.as_ref().map(|source| format!(" <small>{}</small>", text(source)));
    let _ = writeln!(
        page,
        "<section class=\"layout\"{id} data-key=\"{}\" data-width=\"{}\"><h4>{title}{}</h4>",
        text(&key),
        layout.width,
        source.unwrap_or_default()
    );
    bits::diagram(page, &key, layout);
    page.push_str(
        "<div class=\"scroll\"><table class=\"fields\"><thead><tr><th scope=\"col\">Bits</th>\
         <th scope=\"col\">Field</th><th scope=\"col\">Kind</th><th scope=\"col\">Description</th></tr></thead>\n<tbody>\n",
    );
    for field in &layout.fields {
        field_row(page, &key, field);
    }
    page.push_str("</tbody></table></div></section>\n");
}

fn field_row(page: &mut String, key: &str, field: &Field) {
    let kind = field.kind.word();
    let ranges: Vec<_> =
        field.pieces.iter().map(|piece| format!("{}:{}", piece.msb, piece.lsb)).collect();
    let access = field.access.map(|access| format!(", {}", access.word())).unwrap_or_default();
    let _ = write!(
        page,
        "<tr id=\"{0}.{1}\" data-kind=\"{kind}\" data-bits=\"{2}\"><td>{3}</td>\
         <th scope=\"row\"><a href=\"#{0}.{1}\">{1}</a></th><td class=\"kind\">{kind}{access}</td><td>{4}",
        text(key),
        text(&field.name),
        ranges.join(" "),
        bits_text(&field.pieces),
        text(&field.doc)
    );
    if !field.also.is_empty() {
        let names: Vec<_> = field.also.iter().map(|name| code(name)).collect();
        let _ = write!(page, " <span class=\"also\">also {}</span>", names.join(", "));
    }
    if !field.values.is_empty() {
        page.push_str("<ul class=\"values\">");
        for value in &field.values {
            let (number, name) = (format!("{:#x}", value.value), text(&value.name));
            let _ = write!(
                page,
                "<li data-value=\"{number}\"><code>{number}</code> <span>{name}</span></li>"
            );
        }
        page.push_str("</ul>");
    }
    page.push_str("</td></tr>\n");
}
