//! What the facts of a register lead to.

use super::{Fact, Member, Relative};
use crate::model::{Carrier, Class};

/// What a part of a fact is about.
#[derive(Debug, Clone, Copy)]
pub enum Topic<'a> {
    /// Another register.
    Register(Relative<'a>),
    /// A struct of another ioctl.
    Carrier(&'a Carrier),
    /// A class of state.
    Class(Class),
    /// An index into [`Arch::phases`](crate::model::Arch::phases).
    Phase(usize),
}

/// Takes a fact of `member` apart into texts, some of which have a topic; together they are the fact's text.
pub fn topics<'a>(member: &Member<'a>, (label, text): &Fact) -> Vec<(String, Option<Topic<'a>>)> {
    let row = member.row;
    let whole = |topic| vec![(text.clone(), topic)];
    match *label {
        "alias of" => relatives(member.alias_of().into_iter().collect()),
        "also named" => relatives(member.aliases()),
        "overlaps" => relatives(member.overlaps()),
        "carried by" => {
            whole(row.via.map(|carrier| Topic::Carrier(&member.arch.carriers[carrier])))
        }
        "phase" => whole(row.phase.map(Topic::Phase)),
        "class" => {
            let word = row.class.word();
            let rest = text.strip_prefix(word).unwrap_or_default();
            vec![(word.to_owned(), Some(Topic::Class(row.class))), (rest.to_owned(), None)]
        }
        _ => whole(None),
    }
}

fn relatives(relatives: Vec<Relative<'_>>) -> Vec<(String, Option<Topic<'_>>)> {
    let mut parts = Vec::new();
    for relative in relatives {
        if !parts.is_empty() {
            parts.push((", ".to_owned(), None));
        }
        parts.push((relative.name(), Some(Topic::Register(relative))));
    }
    parts
}
