//! Findings as text for people and as JSON for programs.

use annotate_snippets::renderer::DEFAULT_ERROR_STYLE;
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use serde_json::{Value, json};

use crate::diagnostics::Text;
use crate::{Diagnostic, Sources, Span};

/// Renders a finding: `FILE:LINE:COLUMN: error: MESSAGE`, its places with carets, its code and its help.
///
/// Columns count characters from 1. The text ends with a line break.
pub fn text(diagnostic: &Diagnostic, sources: &Sources, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let body = renderer.render(&groups(diagnostic, sources.texts()));
    format!("{}\n{body}\n", headline(diagnostic, colour))
}

/// Renders a finding as a JSON object.
pub fn json(diagnostic: &Diagnostic) -> Value {
    let related = diagnostic.related.iter().map(|(span, message)| {
        json!({"file": span.file, "line": span.line, "column": span.column, "message": message})
    });
    json!({
        "file": diagnostic.span.file,
        "line": diagnostic.span.line,
        "column": diagnostic.span.column,
        "severity": "error",
        "code": diagnostic.code,
        "message": diagnostic.message,
        "label": diagnostic.label,
        "help": diagnostic.help,
        "related": related.collect::<Vec<_>>(),
    })
}

fn headline(diagnostic: &Diagnostic, colour: bool) -> String {
    let Span { file, line, column, .. } = &diagnostic.span;
    let style = if colour { DEFAULT_ERROR_STYLE } else { Default::default() };
    let message = one_line(&diagnostic.message);
    format!("{file}:{line}:{column}: {style}error{style:#}: {message}")
}

/// Writes control characters as escapes: a name in a table may hold a line break.
fn one_line(message: &str) -> String {
    let mut line = String::with_capacity(message.len());
    for c in message.chars() {
        if c.is_control() { line.extend(c.escape_debug()) } else { line.push(c) }
    }
    line
}

fn groups<'a>(diagnostic: &'a Diagnostic, texts: &'a [Text]) -> Vec<Group<'a>> {
    let related =
        diagnostic.related.iter().map(|(span, label)| (AnnotationKind::Context, span, label));
    let places: Vec<_> =
        std::iter::once((AnnotationKind::Primary, &diagnostic.span, &diagnostic.label))
            .chain(related)
            .collect();

    let mut files: Vec<&str> = Vec::new();
    for (_, span, _) in &places {
        if !files.contains(&span.file.as_str()) {
            files.push(&span.file);
        }
    }

    let mut report = Group::with_level(Level::ERROR);
    for file in files {
        let here: Vec<_> =
            places.iter().filter(|(_, span, _)| span.file == file).copied().collect();
        let text = texts.iter().find(|text| text.path == file);
        if let Some(snippet) = text.and_then(|text| snippet(text, &here)) {
            report = report.element(snippet);
        }
    }
    let report = report.element(Level::NOTE.message(diagnostic.code));
    let help =
        diagnostic.help.as_ref().map(|help| Group::with_title(Level::HELP.secondary_title(help)));
    std::iter::once(report).chain(help).collect()
}

/// The lines of `text` that hold `places`, with their carets; `None` where the places are of another text.
fn snippet<'a>(
    text: &'a Text,
    places: &[(AnnotationKind, &'a Span, &'a String)],
) -> Option<Snippet<'a, Annotation<'a>>> {
    let first = places.iter().map(|(_, span, _)| span.start).min()?;
    let last = places.iter().map(|(_, span, _)| span.end).max()?;
    let mut line = places.iter().map(|(_, span, _)| span.line).min()?;
    let mut start = line_start(text.text.get(..first)?);
    let end = text.text.get(last..)?.find('\n').map_or(text.text.len(), |length| last + length + 1);
    if start == end && line > 1 {
        // The end of the file: the last line shows more than the nothing behind it.
        line -= 1;
        start = line_start(&text.text[..start - 1]);
    }
    let lines = text.text.get(start..end).filter(|lines| !lines.is_empty())?;
    let annotations = places.iter().map(|(kind, span, label)| {
        let annotation = kind.span(span.start - start..span.end - start);
        annotation.label((!label.is_empty()).then_some(label.as_str()))
    });
    Some(Snippet::source(lines).path(&text.path).line_start(line).annotations(annotations))
}

/// Where the last line of `text` starts.
fn line_start(text: &str) -> usize {
    text.rfind('\n').map_or(0, |newline| newline + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Renders the findings of an `arch.yaml` with this text.
    fn rendered(arch: &str) -> Vec<String> {
        let sources = Sources::gather("t/arch.yaml", |path| {
            if path == "t/arch.yaml" { Ok(arch.to_owned()) } else { Err("not there".to_owned()) }
        });
        let findings = crate::load(&sources).unwrap_err();
        findings.iter().map(|finding| text(finding, &sources, false)).collect()
    }

    #[test]
    fn a_finding_is_a_headline_a_snippet_a_code_and_a_help() {
        let arch = "arch: a\ncode: 1\ndoc: \"d\"\nkernal: \"7.3\"\ngroups: {}\n";
        let expected = "\
t/arch.yaml:4:1: error: unknown key `kernal`
 --> t/arch.yaml:4:1
  |
4 | kernal: \"7.3\"
  | ^^^^^^
  |
  = note: E0101
help: did you mean `kernel`?
";
        assert_eq!(rendered(arch), [expected]);
    }

    #[test]
    fn columns_count_characters() {
        let arch = "{arch: a, doc: \"äöü\u{1f600}\", kernel: 7, code: 1, groups: {}}";
        assert!(rendered(arch)[0].starts_with("t/arch.yaml:1:32: error: "), "{:?}", rendered(arch));
    }

    #[test]
    fn a_name_with_a_line_break_stays_on_the_headline() {
        let text = rendered("arch: a\ncode: 1\ndoc: d\ngroups: {}\n\"x\\ny\\u001b\": 1\n");
        let headline = text[0].lines().next().unwrap();
        assert_eq!(headline, "t/arch.yaml:5:1: error: unknown key `x\\ny\\u{1b}`");
    }

    #[test]
    fn the_end_of_a_file_is_shown_by_its_last_line() {
        let text = rendered("arch: a\ncode: {\n");
        assert!(text[0].contains("\n2 | code: {\n"), "{text:?}");
    }

    #[test]
    fn any_text_can_be_rendered() {
        let texts = [
            "",
            "\n",
            "\u{feff}",
            "\t",
            "a: \t\tb\r\nc: d\r\n",
            "é: [",
            "{",
            "\"",
            "- \u{202e}x",
            "a:\u{0}",
        ];
        for arch in texts {
            assert!(!rendered(arch).is_empty(), "{arch:?}");
        }
    }

    #[test]
    fn a_finding_of_another_text_is_rendered_without_a_snippet() {
        let span =
            |start, end| Span { file: "t/arch.yaml".to_owned(), line: 9, column: 9, start, end };
        let sources = Sources::gather("t/arch.yaml", |_| Ok("é".to_owned()));
        for span in [span(1, 1), span(90, 99)] {
            let finding = Diagnostic {
                code: "E0000",
                message: "m".to_owned(),
                span,
                label: String::new(),
                related: Vec::new(),
                help: None,
            };
            let expected = "t/arch.yaml:9:9: error: m\n = note: E0000\n";
            assert_eq!(text(&finding, &sources, false), expected);
        }
    }
}
