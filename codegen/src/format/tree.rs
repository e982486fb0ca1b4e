//! A text as a tree that keeps its comments and the spelling of its values.

use std::borrow::Cow;
use std::iter::Peekable;
use std::vec::IntoIter;

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::Unformatted;

/// A value.
#[derive(Debug)]
pub(super) enum Value<'t> {
    Scalar(Scalar<'t>),
    List(Items<'t>),
    Map(Items<'t>),
}

/// A scalar.
#[derive(Debug)]
pub(super) struct Scalar<'t> {
    /// How it is spelled, with quotes.
    pub(super) raw: &'t str,
    /// What it says.
    pub(super) text: Cow<'t, str>,
    /// Whether it has no quotes.
    pub(super) plain: bool,
}

/// The entries of a mapping or the items of a list.
#[derive(Debug, Default)]
pub(super) struct Items<'t> {
    pub(super) items: Vec<Item<'t>>,
    /// Comments behind the last one.
    pub(super) tail: Vec<&'t str>,
}

/// An entry of a mapping, or an item of a list, which has no key.
#[derive(Debug)]
pub(super) struct Item<'t> {
    /// Comments on the lines above; an empty text is an empty line.
    pub(super) above: Vec<&'t str>,
    pub(super) key: Option<Scalar<'t>>,
    pub(super) value: Value<'t>,
    /// Comment on its line.
    pub(super) behind: Option<&'t str>,
}

impl Item<'_> {
    /// Whether it is the entry with this key.
    pub(super) fn has_key(&self, name: &str) -> bool {
        self.key.as_ref().is_some_and(|key| key.text == name)
    }
}

/// Reads a text that is YAML.
pub(super) fn read(text: &str) -> Result<Value<'_>, Unformatted> {
    let offsets: Vec<_> =
        text.char_indices().map(|(offset, _)| offset).chain([text.len()]).collect();
    let offset = |index: usize| offsets.get(index).copied().unwrap_or(text.len());
    let mut tokens = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| Unformatted {
            message: format!("not YAML 1.2: {}", error.info()),
            offset: offset(error.marker().index()),
        })?;
        let (start, end) = (offset(span.start.index()), offset(span.end.index()));
        tokens.extend(token(text, event, start, end).transpose()?);
    }
    let comments = comments(text, &tokens).into_iter().peekable();
    Reader { text, tokens: tokens.into_iter().peekable(), comments, end: 0 }
        .value(Context::default())
}

/// An event of the parser, with its bytes.
#[derive(Debug)]
struct Token<'t> {
    kind: Kind<'t>,
    start: usize,
    end: usize,
}

#[derive(Debug)]
enum Kind<'t> {
    Scalar { text: Cow<'t, str>, plain: bool },
    List,
    Map,
    End,
}

/// What an event is for the tree; nothing where it only says that the document begins or ends.
fn token<'t>(
    source: &str,
    event: Event<'t>,
    start: usize,
    end: usize,
) -> Option<Result<Token<'t>, Unformatted>> {
    let refused =
        |message: &str| Some(Err(Unformatted { message: message.to_owned(), offset: start }));
    let (kind, end) = match event {
        Event::Alias(_) => return refused("tables have no aliases: write the value out"),
        Event::Scalar(_, _, 1.., _)
        | Event::SequenceStart(1.., _)
        | Event::MappingStart(1.., _) => {
            return refused("tables have no anchors: write the value out where it is used");
        }
        Event::Scalar(_, _, _, Some(_))
        | Event::SequenceStart(_, Some(_))
        | Event::MappingStart(_, Some(_)) => return refused("tables have no tags"),
        Event::Scalar(_, ScalarStyle::Literal | ScalarStyle::Folded, ..) => {
            return refused("tables have no block text: put the text in double quotes");
        }
        // The places of these and of closing brackets may reach over comments that follow.
        Event::Scalar(text, ScalarStyle::Plain, ..) if text.is_empty() => {
            (Kind::Scalar { text, plain: true }, start)
        }
        Event::Scalar(text, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted, ..) => {
            (Kind::Scalar { text, plain: false }, start + quoted_length(&source[start..]))
        }
        Event::Scalar(text, ..) => (Kind::Scalar { text, plain: true }, end),
        Event::SequenceStart(..) => (Kind::List, end),
        Event::MappingStart(..) => (Kind::Map, end),
        Event::SequenceEnd | Event::MappingEnd => (Kind::End, end.min(start + 1)),
        _ => return None,
    };
    Some(Ok(Token { kind, start, end }))
}

/// Length in bytes of the scalar in quotes at the start of `rest`.
fn quoted_length(rest: &str) -> usize {
    let mut chars = rest.char_indices();
    let quote = chars.next().map(|(_, quote)| quote);
    while let Some((index, c)) = chars.next() {
        match c {
            '\\' if quote == Some('"') => _ = chars.next(),
            // Two single quotes stand for one.
            '\'' if quote == Some(c) && rest[index + 1..].starts_with(c) => _ = chars.next(),
            c if quote == Some(c) => return index + 1,
            _ => {}
        }
    }
    rest.len()
}

#[derive(Debug, Clone, Copy)]
struct Comment<'t> {
    text: &'t str,
    start: usize,
    column: usize,
    /// Whether the line has nothing else.
    is_alone: bool,
}

/// Finds the comments: they begin with the `#` that are in no scalar.
fn comments<'t>(text: &'t str, tokens: &[Token<'_>]) -> Vec<Comment<'t>> {
    let mut comments = Vec::new();
    let mut from = 0;
    let gaps =
        tokens.iter().map(|token| (token.start, token.end)).chain([(text.len(), text.len())]);
    for (start, end) in gaps {
        while let Some(found) = text.get(from..start).and_then(|gap| gap.find('#')) {
            let start = from + found;
            let rest = text[start..].lines().next().unwrap_or("");
            comments.push(Comment {
                text: rest.trim_end(),
                start,
                column: column(text, start),
                is_alone: text[line_start(text, start)..start].trim().is_empty(),
            });
            from = start + rest.len();
        }
        from = from.max(end);
    }
    comments
}

fn line_start(text: &str, offset: usize) -> usize {
    text[..offset].rfind('\n').map_or(0, |newline| newline + 1)
}

/// Characters before `offset` in its line.
fn column(text: &str, offset: usize) -> usize {
    text[line_start(text, offset)..offset].chars().count()
}

/// Whether the line before that of `offset` is there and empty.
fn follows_empty_line(text: &str, offset: usize) -> bool {
    text[..line_start(text, offset)].lines().last().is_some_and(|line| line.trim().is_empty())
}

/// Where a value stands.
#[derive(Debug, Clone, Copy, Default)]
struct Context {
    /// Column of the mapping or list that holds it.
    column: usize,
    /// Whether it is within brackets.
    in_brackets: bool,
}

struct Reader<'t> {
    text: &'t str,
    tokens: Peekable<IntoIter<Token<'t>>>,
    comments: Peekable<IntoIter<Comment<'t>>>,
    /// End of the last scalar or bracket.
    end: usize,
}

impl<'t> Reader<'t> {
    fn value(&mut self, context: Context) -> Result<Value<'t>, Unformatted> {
        let Some(Token { kind, start, end }) = self.tokens.next() else {
            return Ok(Value::Map(Items::default()));
        };
        let has_brackets = start < end;
        match kind {
            Kind::Scalar { text, plain } => {
                self.end = end;
                Ok(Value::Scalar(Scalar { raw: &self.text[start..end], text, plain }))
            }
            // The place of a list that is no deeper than its key is that of its first value.
            Kind::List if !has_brackets && !self.is_dash(start) => {
                self.items(false, has_brackets, context).map(Value::List)
            }
            Kind::List => {
                let context = Context { column: column(self.text, start), ..context };
                self.items(false, has_brackets, context).map(Value::List)
            }
            Kind::Map | Kind::End => {
                let context = Context { column: column(self.text, start), ..context };
                self.items(true, has_brackets, context).map(Value::Map)
            }
        }
    }

    fn is_dash(&self, offset: usize) -> bool {
        let mut chars = self.text[offset..].chars();
        chars.next() == Some('-') && chars.next().is_none_or(char::is_whitespace)
    }

    /// Reads what follows, up to the end of a mapping or a list.
    ///
    /// Comments within brackets become the tail of the outermost ones.
    fn items(
        &mut self,
        is_map: bool,
        has_brackets: bool,
        context: Context,
    ) -> Result<Items<'t>, Unformatted> {
        let within = Context { in_brackets: context.in_brackets || has_brackets, ..context };
        let mut items = Items::default();
        while let Some(start) = self.start_of_item() {
            items.items.push(self.item(is_map, start, within)?);
        }
        let Some(end) = self.tokens.next() else { return Ok(items) };
        if has_brackets {
            self.end = end.end;
        }
        if !within.in_brackets {
            items.tail = self.comments_while(|comment| {
                comment.start < end.start && context.column <= comment.column
            });
        } else if !context.in_brackets {
            items.tail = self.comments_while(|comment| comment.start < end.end);
        }
        Ok(items)
    }

    fn start_of_item(&mut self) -> Option<usize> {
        self.tokens.peek().filter(|token| !matches!(token.kind, Kind::End)).map(|token| token.start)
    }

    fn item(
        &mut self,
        is_map: bool,
        start: usize,
        context: Context,
    ) -> Result<Item<'t>, Unformatted> {
        if context.in_brackets {
            let key = if is_map { Some(self.key(context)?) } else { None };
            let value = self.value(context)?;
            return Ok(Item { above: Vec::new(), key, value, behind: None });
        }
        let mut above = self.comments_while(|comment| comment.start < start);
        if follows_empty_line(self.text, start) {
            above.push("");
        }
        let key = if is_map { Some(self.key(context)?) } else { None };
        let mut behind = None;
        match self.tokens.peek() {
            Some(Token { kind: Kind::List | Kind::Map, start, end }) if start == end => {
                behind = key.as_ref().and_then(|_| self.comment_behind());
            }
            Some(token) => {
                let start = token.start;
                above.extend(self.comments_while(|comment| comment.start < start));
            }
            None => {}
        }
        let value = self.value(context)?;
        if let Some(comment) = self.comment_behind() {
            above.extend(behind.replace(comment));
        }
        Ok(Item { above, key, value, behind })
    }

    fn key(&mut self, context: Context) -> Result<Scalar<'t>, Unformatted> {
        let offset = self.start_of_item().unwrap_or(self.end);
        match self.value(context)? {
            Value::Scalar(key) => Ok(key),
            _ => Err(Unformatted { message: "tables have names as keys".to_owned(), offset }),
        }
    }

    /// The next comments as long as they are `wanted`, with the empty lines before them.
    fn comments_while(&mut self, wanted: impl Fn(&Comment<'t>) -> bool) -> Vec<&'t str> {
        let mut lines = Vec::new();
        while let Some(comment) = self.comments.next_if(&wanted) {
            if comment.is_alone && follows_empty_line(self.text, comment.start) {
                lines.push("");
            }
            lines.push(comment.text);
        }
        lines
    }

    /// The comment on the line where the last scalar or bracket ends.
    fn comment_behind(&mut self) -> Option<&'t str> {
        let (text, end) = (self.text, self.end);
        let is_behind = |comment: &Comment<'_>| {
            text.get(end..comment.start).is_some_and(|between| !between.contains('\n'))
        };
        self.comments.next_if(is_behind).map(|comment| comment.text)
    }
}
