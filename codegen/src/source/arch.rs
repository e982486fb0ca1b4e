//! Reads `arch.yaml`.

use super::grammar::{ARCH, CARRIER, ERRNOS, GROUP};
use super::node::Node;
use super::rows::Attributes;
use super::walk::{At, Walker, did_you_mean};
use crate::diagnostics::{Finding, Place};
use crate::model::{Carrier, ErrnoMeaning, Ioctl, Part, Piece, SIZE_SHIFT, Scope, Support};
use crate::names;

/// `arch.yaml` as written.
#[derive(Debug, Clone, Default)]
pub(crate) struct RawArch {
    pub(crate) name: String,
    pub(crate) plain: bool,
    pub(crate) code: Option<u8>,
    pub(crate) kernel: String,
    pub(crate) doc: String,
    pub(crate) macros: Option<String>,
    pub(crate) verified: String,
    pub(crate) one_reg: Support,
    pub(crate) reg_list: Support,
    pub(crate) phases: Vec<String>,
    pub(crate) errors: Vec<ErrnoMeaning>,
    pub(crate) defaults: Attributes,
    pub(crate) carriers: Vec<Carrier>,
    pub(crate) groups: Vec<RawGroup>,
}

/// A group in `arch.yaml`.
#[derive(Debug, Clone)]
pub(crate) struct RawGroup {
    pub(crate) name: String,
    pub(crate) file: String,
    pub(crate) base: Option<u64>,
    pub(crate) parts: Vec<Part>,
    pub(crate) mask: Option<u64>,
    pub(crate) defaults: Attributes,
    pub(crate) doc: String,
    /// Where the group stands.
    pub(crate) place: Place,
}

impl Walker<'_> {
    /// Reads `arch.yaml`.
    pub(super) fn arch(&mut self, node: Node, at: &At<'_>) -> RawArch {
        let mut arch = RawArch::default();
        let mut has_code = false;
        let mut blocks = Vec::new();
        let read = self.keys(node, at, ARCH, |walker, key, value, at| match key {
            "arch" => arch.name = walker.arch_name(value, at).unwrap_or_default(),
            "space" => {
                arch.plain =
                    walker.word(value, at, &[("kvm", false), ("plain", true)]).unwrap_or_default()
            }
            "code" => {
                has_code = true;
                arch.code = walker.small(value, at, 0xff).and_then(|code| u8::try_from(code).ok());
            }
            "kernel" => arch.kernel = walker.version(value, at).unwrap_or_default(),
            "doc" => arch.doc = walker.text(value, at).unwrap_or_default(),
            "macros" => arch.macros = walker.arch_name(value, at),
            "verified" => arch.verified = walker.text(value, at).unwrap_or_default(),
            "one_reg" => arch.one_reg = walker.support(value, at),
            "reg_list" => arch.reg_list = walker.support(value, at),
            "phases" => arch.phases = walker.texts(value, at).unwrap_or_default(),
            "errors" => arch.errors = walker.errors(value, at),
            "defaults" => arch.defaults = walker.defaults(value, at),
            "carriers" => walker.names(value, at, |walker, name, value, at| {
                let (carrier, block) = walker.carrier(name, value, at);
                blocks.extend(block.map(|(phase, place)| (arch.carriers.len(), phase, place)));
                arch.carriers.push(carrier);
            }),
            _ => walker.names(value, at, |walker, name, value, at| {
                arch.groups.push(walker.group(name, value, at));
            }),
        });
        if read && !arch.plain && !has_code {
            let finding = Finding::new("E0103", at.place(), "missing key `code`");
            self.report(
                finding.help("add `code: 0x60`, bits 63..56 of every id, or `space: plain`"),
            );
        }
        if arch.plain && has_code {
            let place = at.key("code").place().into_key();
            let finding = Finding::new("E0102", place, "a plain register space has no `code`");
            let space = at.key("space").place().into_key();
            self.report(finding.related(space, "it is plain").help("keep one of them"));
        }
        for (carrier, phase, place) in blocks {
            arch.carriers[carrier].block = self.block_phase(&arch.phases, &phase, place);
        }
        arch
    }

    /// Looks up the phase of a struct that is saved as a whole.
    fn block_phase(&mut self, phases: &[String], name: &str, place: Place) -> Option<usize> {
        let found = phases.iter().position(|phase| phase == name);
        if found.is_none() {
            let known: Vec<&str> = phases.iter().map(String::as_str).collect();
            let finding = Finding::new("E0209", place, format!("unknown phase `{name}`"));
            self.report(finding.help(did_you_mean(name, &known, "phases")));
        }
        found
    }

    fn arch_name(&mut self, node: Node, at: &At<'_>) -> Option<String> {
        let name = self.text(node, at)?;
        let help = if names::is_keyword(&name) {
            "it is a keyword of Rust"
        } else if names::is_name(&name) && !name.contains(['.', '-']) {
            return Some(name);
        } else {
            "names of architectures begin with a letter and have letters, digits and underscores"
        };
        let message = format!("`{name}` cannot name an architecture");
        self.report(Finding::new("E0206", at.place(), message).help(help));
        None
    }

    fn support(&mut self, node: Node, at: &At<'_>) -> Support {
        match node {
            Node::Bool(false) => Support::No,
            Node::Bool(true) => Support::Yes,
            other => self.version(other, at).map_or(Support::No, Support::Since),
        }
    }

    fn errors(&mut self, node: Node, at: &At<'_>) -> Vec<ErrnoMeaning> {
        let mut errors = Vec::new();
        self.names(node, at, |walker, name, value, at| {
            let meaning = walker.text(value, at).unwrap_or_default();
            match ERRNOS.iter().find(|(known, _)| *known == name) {
                Some((_, number)) => errors.push(ErrnoMeaning { number: *number, name, meaning }),
                None => {
                    let legal: Vec<_> = ERRNOS.iter().map(|(name, _)| *name).collect();
                    let finding = Finding::new(
                        "E0105",
                        at.place().into_key(),
                        format!("unknown errno `{name}`"),
                    );
                    walker.report(finding.help(did_you_mean(&name, &legal, "errnos")));
                }
            }
        });
        errors
    }

    /// Reads a carrier, and the phase of its struct as a whole with its place.
    fn carrier(
        &mut self,
        name: String,
        node: Node,
        at: &At<'_>,
    ) -> (Carrier, Option<(String, Place)>) {
        self.is_name("a carrier", &name, || at.place().into_key());
        let (mut structure, mut size, mut get, mut get_nr) = (None, None, None, None);
        let (mut set, mut set_nr, mut doc) = (None, None, String::new());
        let (mut block, mut scope, mut count) = (None, None, None);
        self.keys(node, at, CARRIER, |walker, key, value, at| match key {
            "struct" => structure = walker.text(value, at),
            "size" => size = walker.small(value, at, 16384),
            "get" => get = walker.text(value, at),
            "get_nr" => get_nr = walker.small(value, at, 0xff),
            "set" => set = walker.text(value, at),
            "set_nr" => set_nr = walker.small(value, at, 0xff),
            "scope" => scope = walker.word(value, at, Scope::WORDS),
            "count" => count = walker.small(value, at, 16384),
            "block" => block = walker.text(value, at).map(|phase| (phase, at.place())),
            _ => doc = walker.text(value, at).unwrap_or_default(),
        });
        if set.is_some() != set_nr.is_some() {
            self.report(Finding::new("E0103", at.place(), "`set` and `set_nr` belong together"));
        }
        let ioctl = |name, nr: u32| Ioctl { name, nr: u8::try_from(nr).unwrap_or(0) };
        // What is missing was reported; rows that name the carrier have nothing wrong with them.
        let carrier = Carrier {
            name,
            structure: structure.unwrap_or_default(),
            size: size.unwrap_or(u32::MAX),
            get: ioctl(get.unwrap_or_default(), get_nr.unwrap_or(0)),
            set: set.zip(set_nr).map(|(name, nr)| ioctl(name, nr)),
            block: None,
            scope: scope.unwrap_or_default(),
            count,
            doc,
        };
        (carrier, block)
    }

    fn group(&mut self, name: String, node: Node, at: &At<'_>) -> RawGroup {
        self.is_name("a group", &name, || at.place().into_key());
        let mut group = RawGroup {
            name,
            file: String::new(),
            base: None,
            parts: Vec::new(),
            mask: None,
            defaults: Attributes::default(),
            doc: String::new(),
            place: at.place(),
        };
        self.keys(node, at, GROUP, |walker, key, value, at| match key {
            "file" => group.file = walker.text(value, at).unwrap_or_default(),
            // One that could not be read is not missing.
            "base" => group.base = Some(walker.number(value, at).unwrap_or_default()),
            "number" => (group.parts, group.mask) = walker.parts(value, at),
            "defaults" => group.defaults = walker.defaults(value, at),
            _ => group.doc = walker.text(value, at).unwrap_or_default(),
        });
        group
    }

    /// Reads the bits of a group's numbers: the named parts, and all bits together.
    fn parts(&mut self, node: Node, group: &At<'_>) -> (Vec<Part>, Option<u64>) {
        match node {
            Node::Text(text) => {
                let range = self.range(&text, group).and_then(|range| self.inside(range, group));
                (Vec::new(), range.map(mask))
            }
            Node::Map(_) => {
                let mut parts: Vec<Part> = Vec::new();
                let mut all = 0;
                self.names(node, group, |walker, name, value, at| {
                    walker.is_name("a part", &name, || at.place().into_key());
                    let Some(range) = walker.piece(value, at).and_then(|it| walker.inside(it, at))
                    else {
                        return;
                    };
                    if let Some(other) = parts.iter().find(|part| part.overlaps(range)) {
                        let message = format!("parts `{}` and `{name}` share bits", other.name);
                        let finding =
                            Finding::new("E0208", at.place(), message).label("the second");
                        let finding = finding.related(group.key(&other.name).place(), "the first");
                        walker
                            .report(finding.help("give every part of the number bits of its own"));
                    }
                    all |= mask(range);
                    let bit = |bit| u8::try_from(bit).unwrap_or(63);
                    parts.push(Part { name, msb: bit(range.msb), lsb: bit(range.lsb) });
                });
                (parts, Some(all))
            }
            other => {
                let finding = Finding::new(
                    "E0104",
                    group.place(),
                    format!("expected a range or named parts, found {}", other.kind()),
                );
                self.report(finding.help("write \"15..0\", or {op0: \"15..14\", ...}"));
                (Vec::new(), None)
            }
        }
    }

    /// Checks that a range of a group's numbers keeps off the architecture and size.
    fn inside(&mut self, range: Piece, at: &At<'_>) -> Option<Piece> {
        if range.msb < SIZE_SHIFT {
            return Some(range);
        }
        let message = format!("range {}..{} ends beyond bit 51", range.msb, range.lsb);
        let finding = Finding::new("E0301", at.place(), message);
        self.report(finding.help("bits 63..52 of an id are its architecture and size"));
        None
    }
}

fn mask(range: Piece) -> u64 {
    crate::model::low_bits(range.width()) << range.lsb
}
