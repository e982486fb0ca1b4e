//! Styles of text for a terminal; where there is none, they are taken out on the way to stdout.

use anstyle::{AnsiColor, Style};

/// Names of registers and fields.
pub(crate) const NAME: Style = Style::new().bold();
/// Ids and addresses.
pub(crate) const ID: Style = Style::new().dimmed();
/// What is set, and names of values.
pub(crate) const SET: Style = AnsiColor::Green.on_default();
/// Reserved bits that are not what they should be.
pub(crate) const WRONG: Style = AnsiColor::Red.on_default();

/// Writes `text` in `style`, word by word, so that it may be wrapped.
pub(crate) fn paint(style: Style, text: &str) -> String {
    let words: Vec<_> = text.split(' ').map(|word| format!("{style}{word}{style:#}")).collect();
    words.join(" ")
}
