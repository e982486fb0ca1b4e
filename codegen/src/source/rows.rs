//! Reads rows, and the attributes that groups and architectures give them.

use super::fields::RawFields;
use super::grammar::{CONDITIONS, DEFAULTS, ROW};
use super::node::Node;
use super::walk::{At, Walker};
use crate::diagnostics::Finding;
use crate::model::{Access, Class, Content, Listed, MAX_WIDTH, Name, Scope, Width, WriteRule};
use crate::names;

/// A row as written. The name of something else that could not be read is empty.
#[derive(Debug, Default)]
pub(crate) struct Row {
    pub(crate) name: Option<Name>,
    pub(crate) width: Option<Width>,
    pub(crate) number: Option<Number>,
    pub(crate) stride: Option<u64>,
    pub(crate) slices: u32,
    pub(crate) encoding: Option<Number>,
    pub(crate) alias_of: Option<String>,
    pub(crate) overlaps: Vec<String>,
    pub(crate) layout: Option<String>,
    pub(crate) layout32: Option<String>,
    pub(crate) fields: Option<RawFields>,
    pub(crate) doc: Option<String>,
    pub(crate) attributes: Attributes,
}

/// Attributes that a row may leave to its group or architecture; likewise.
#[derive(Debug, Clone, Default)]
pub(crate) struct Attributes {
    pub(crate) access: Option<Access>,
    pub(crate) write: Option<WriteRule>,
    pub(crate) rule: Option<String>,
    pub(crate) requires: Option<Vec<String>>,
    pub(crate) since: Option<String>,
    pub(crate) until: Option<String>,
    pub(crate) write_since: Option<String>,
    pub(crate) xlen: Option<u32>,
    pub(crate) scope: Option<Scope>,
    pub(crate) listed: Option<Listed>,
    pub(crate) hidden: Option<bool>,
    pub(crate) class: Option<Class>,
    pub(crate) phase: Option<String>,
    pub(crate) content: Option<Content>,
    pub(crate) errata: Option<Vec<String>>,
    pub(crate) via: Option<String>,
    pub(crate) source: Option<String>,
}

/// A number: plain, or by the parts of its group.
#[derive(Debug, Clone)]
pub(crate) enum Number {
    Plain(u64),
    Parts(Vec<(String, u64)>),
}

/// Members of a family at most.
const MAX_FAMILY: u32 = 4096;

impl Walker<'_> {
    /// Reads one row.
    pub(super) fn row(&mut self, node: Node, at: &At<'_>) -> Row {
        let mut row = Row::default();
        let read = self.keys(node, at, ROW, |walker, key, value, at| match key {
            "name" => row.name = walker.register_name(value, at),
            "width" => row.width = walker.width(value, at),
            "number" => row.number = walker.number_or_parts(value, at),
            "stride" => row.stride = walker.number(value, at),
            "slices" => row.slices = walker.small(value, at, 128).unwrap_or(0),
            "encoding" => row.encoding = walker.number_or_parts(value, at),
            "alias_of" => row.alias_of = Some(walker.text(value, at).unwrap_or_default()),
            "overlaps" => row.overlaps = walker.texts(value, at).unwrap_or_default(),
            "layout" => row.layout = Some(walker.text(value, at).unwrap_or_default()),
            "layout32" => row.layout32 = Some(walker.text(value, at).unwrap_or_default()),
            "fields" => row.fields = Some(walker.fields(value, at)),
            "doc" => row.doc = Some(walker.text(value, at).unwrap_or_default()),
            _ => walker.attribute(&mut row.attributes, key, value, at),
        });
        if read && row.doc.is_none() && row.alias_of.is_none() {
            let finding = Finding::new("E0103", at.place(), "missing key `doc`");
            self.report(
                finding.help("add `doc: \"...\"`: one line that says what the register is"),
            );
        }
        self.described_once(&row, at);
        row
    }

    /// Reports a row that says both what its fields are and that it has none.
    fn described_once(&mut self, row: &Row, at: &At<'_>) {
        let described = [("fields", row.fields.is_some()), ("layout", row.layout.is_some())];
        let described = described.into_iter().find(|(_, is_there)| *is_there);
        if let (Some(_), Some((key, _))) = (row.attributes.content, described) {
            let place = |key| at.place().value(key).into_key();
            let message = format!("a row has `content` or `{key}`, not both");
            let finding = Finding::new("E0102", place("content"), message);
            self.report(finding.related(place(key), "its fields").help("keep one of them"));
        }
    }

    /// Reads `defaults:`.
    pub(super) fn defaults(&mut self, node: Node, at: &At<'_>) -> Attributes {
        let mut attributes = Attributes::default();
        self.keys(node, at, DEFAULTS, |walker, key, value, at| {
            walker.attribute(&mut attributes, key, value, at)
        });
        attributes
    }

    fn attribute(&mut self, attributes: &mut Attributes, key: &str, value: Node, at: &At<'_>) {
        match key {
            "access" => attributes.access = self.word(value, at, Access::WORDS),
            "write" => attributes.write = self.word(value, at, WriteRule::WORDS),
            "rule" => attributes.rule = self.text(value, at),
            "requires" => attributes.requires = Some(self.conditions(value, at)),
            "since" => attributes.since = self.version(value, at),
            "until" => attributes.until = self.version(value, at),
            "write_since" => attributes.write_since = self.version(value, at),
            "xlen" => attributes.xlen = self.xlen(value, at),
            "scope" => attributes.scope = self.word(value, at, Scope::WORDS),
            "listed" => attributes.listed = self.word(value, at, Listed::WORDS),
            "hidden" => attributes.hidden = self.flag(value, at),
            "class" => attributes.class = self.word(value, at, Class::WORDS),
            "phase" => attributes.phase = Some(self.text(value, at).unwrap_or_default()),
            "content" => attributes.content = self.word(value, at, Content::WORDS),
            "errata" => attributes.errata = self.texts(value, at),
            "via" => attributes.via = Some(self.text(value, at).unwrap_or_default()),
            _ => attributes.source = self.text(value, at),
        }
    }

    fn xlen(&mut self, node: Node, at: &At<'_>) -> Option<u32> {
        let xlen = self.number(node, at)?;
        match xlen {
            32 => Some(32),
            64 => Some(64),
            _ => {
                self.report(Finding::new(
                    "E0104",
                    at.place(),
                    format!("XLEN {xlen} is neither 32 nor 64"),
                ));
                None
            }
        }
    }

    fn conditions(&mut self, node: Node, at: &At<'_>) -> Vec<String> {
        match node {
            Node::List(items) => {
                let read = |(index, item)| self.condition(item, &at.item(index));
                items.into_iter().enumerate().filter_map(read).collect()
            }
            other => self.condition(other, at).into_iter().collect(),
        }
    }

    /// Reads `KIND:NAME`, `KIND:NAME@6.13` or `KIND:NAME@..6.17`.
    fn condition(&mut self, node: Node, at: &At<'_>) -> Option<String> {
        let condition = self.text(node, at)?;
        let parts = condition.split_once(':').filter(|(_, name)| !name.trim().is_empty());
        match parts {
            Some((kind, name)) if CONDITIONS.contains(&kind) => {
                let dates = name.split_once('@').map(|(_, dates)| dates);
                let release = dates.map(|dates| dates.strip_prefix("..").unwrap_or(dates));
                let is_dated = release.is_none_or(|release| self.is_release(release, at));
                return is_dated.then_some(condition);
            }
            Some((kind, _)) => self.unknown_word(at, kind, CONDITIONS),
            None => {
                let finding =
                    Finding::new("E0104", at.place(), format!("`{condition}` is not a condition"));
                self.report(finding.help("write \"KIND:NAME\", such as \"cap:KVM_CAP_ARM_SVE\""));
            }
        }
        None
    }

    fn number_or_parts(&mut self, node: Node, at: &At<'_>) -> Option<Number> {
        if !matches!(node, Node::Map(_)) {
            return self.number(node, at).map(Number::Plain);
        }
        let before = self.findings.len();
        let mut parts = Vec::new();
        self.names(node, at, |walker, name, value, at| {
            if let Some(value) = walker.number(value, at) {
                parts.push((name, value));
            }
        });
        (self.findings.len() == before).then_some(Number::Parts(parts))
    }

    fn width(&mut self, node: Node, at: &At<'_>) -> Option<Width> {
        match node {
            Node::Text(text) if text == "ulong" => Some(Width::Ulong),
            Node::Text(text) if text == "vlenb" => Some(Width::Vlenb),
            Node::Text(text) if !text.starts_with(|c: char| c.is_ascii_digit()) => {
                let finding = Finding::new("E0105", at.place(), format!("unknown width `{text}`"));
                self.report(finding.help(match names::nearest(&text, ["ulong", "vlenb"]) {
                    Some(nearest) => format!("did you mean `{nearest}`?"),
                    None => "a width is a number of bits, or `ulong`, or `vlenb`".to_owned(),
                }));
                None
            }
            other => {
                let bits = self.number(other, at)?;
                if bits > MAX_WIDTH.into() {
                    let message = format!("width {bits} is not a legal size");
                    let finding = Finding::new("E0204", at.place(), message);
                    self.report(finding.help(format!("at most {MAX_WIDTH} bits")));
                    return None;
                }
                u32::try_from(bits).ok().map(Width::Bits)
            }
        }
    }

    /// Reads `NAME` or `PREFIX{first..last}SUFFIX`.
    fn register_name(&mut self, node: Node, at: &At<'_>) -> Option<Name> {
        let text = self.text(node, at)?;
        let Some((prefix, rest)) = text.split_once('{') else {
            let legal = self.is_name("a register", &text, || at.place());
            let (prefix, suffix) = (text.clone(), String::new());
            return legal.then_some(Name { prefix, suffix, family: None, text });
        };
        let parsed = rest.split_once('}').and_then(|(range, suffix)| {
            let (first, last) = range.split_once("..")?;
            let digits =
                |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty();
            let named = !prefix.is_empty() && names::is_name(&[prefix, suffix].concat());
            (named && digits(first) && digits(last)).then_some((first, last, suffix))
        });
        let Some((first, last, suffix)) = parsed else {
            let finding = Finding::new("E0206", at.place(), format!("`{text}` is not a family"));
            self.report(
                finding.help("write it as \"X{0..30}\": first index, two dots, last index"),
            );
            return None;
        };
        let (first, last) = self.family_bounds(&text, first, last, at)?;
        let (prefix, suffix) = (prefix.to_owned(), suffix.to_owned());
        Some(Name { prefix, suffix, family: Some((first, last)), text })
    }

    fn family_bounds(
        &mut self,
        text: &str,
        first: &str,
        last: &str,
        at: &At<'_>,
    ) -> Option<(u32, u32)> {
        let bounds = first.parse::<u32>().ok().zip(last.parse::<u32>().ok());
        let problem = match bounds {
            Some((first, last)) if last < first => {
                format!("family `{text}` is empty: it ends before it begins")
            }
            Some((first, last)) if last - first < MAX_FAMILY => return Some((first, last)),
            _ => format!("family `{text}` has too many registers: at most {MAX_FAMILY}"),
        };
        self.report(Finding::new("E0207", at.place(), problem));
        None
    }
}
