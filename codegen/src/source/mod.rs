//! Texts to rows: the grammar, and everything that can be said about one value alone.

mod arch;
mod fields;
pub(crate) mod grammar;
pub(crate) mod node;
mod rows;
mod walk;
pub(crate) mod yaml;

pub(crate) use arch::{RawArch, RawGroup};
pub(crate) use fields::{RawFields, RawLayout};
pub(crate) use rows::{Attributes, Number, Row};
pub(crate) use walk::did_you_mean;

use self::node::Node;
use self::walk::{At, Walker};
use self::yaml::SyntaxError;
use crate::diagnostics::{Finding, Place, Step, Text};

/// The texts of one architecture's tables, `arch.yaml` first.
#[derive(Debug, Clone)]
pub struct Sources {
    texts: Vec<Text>,
    /// Per group file, as `arch.yaml` names it: its index in `texts`, or why it could not be read.
    groups: Vec<(String, Result<usize, String>)>,
    /// Why `arch.yaml` could not be read.
    unreadable: Option<String>,
    /// `arch.yaml` as a tree; `None` when it is not YAML.
    arch: Option<Node>,
}

impl Sources {
    /// Gathers `arch.yaml` and the files that its groups name, beside it, through `read`.
    ///
    /// `read` gets a path and returns the text, or why there is none. That reason becomes a finding of [`crate::load`].
    pub fn gather(path: &str, mut read: impl FnMut(&str) -> Result<String, String>) -> Self {
        let (text, unreadable) = match read(path) {
            Ok(text) => (text, None),
            Err(reason) => (String::new(), Some(reason)),
        };
        let folder = path.rfind('/').map_or("", |slash| &path[..=slash]);
        let arch = yaml::parse(&text).ok();
        let files = arch.as_ref().map(files_of_groups).unwrap_or_default();
        let texts = vec![Text { path: path.to_owned(), text }];
        let mut sources = Sources { texts, groups: Vec::new(), unreadable, arch };
        for file in files {
            let path = format!("{folder}{file}");
            let text = read(&path).map(|text| {
                sources.texts.push(Text { path, text });
                sources.texts.len() - 1
            });
            sources.groups.push((file, text));
        }
        sources
    }

    /// Paths of the files that could be read, `arch.yaml` first.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().map(|text| text.path.as_str())
    }

    pub(crate) fn texts(&self) -> &[Text] {
        &self.texts
    }

    /// Text of the file at `path`, to show lines of it.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.texts.iter().find(|text| text.path == path).map(|text| text.text.as_str())
    }

    /// Line of the row `index` in the file at `path`, from 1.
    pub fn row_line(&self, path: &str, index: usize) -> Option<usize> {
        let text = self.text(path)?;
        let row = [Step::Key("registers".to_owned()), Step::Item(index)];
        let before = text.get(..yaml::Finder::new(text).locate(&row, false))?;
        Some(before.matches('\n').count() + 1)
    }
}

/// Names of the files that the groups of an `arch.yaml` list, in order, each once.
///
/// What a caller that does its own I/O has to read. Names that lead out of the folder are left out.
pub fn group_files(arch_yaml: &str) -> Vec<String> {
    yaml::parse(arch_yaml).map(|node| files_of_groups(&node)).unwrap_or_default()
}

fn files_of_groups(arch: &Node) -> Vec<String> {
    let Node::Map(groups) = arch.get("groups") else { return Vec::new() };
    let mut files: Vec<String> = Vec::new();
    for (_, group) in groups {
        if let Node::Text(file) = group.get("file")
            && is_file_name(file)
            && !files.contains(file)
        {
            files.push(file.clone());
        }
    }
    files
}

/// Whether `file` names a file beside `arch.yaml`.
pub(crate) fn is_file_name(file: &str) -> bool {
    !file.is_empty() && !file.contains(['/', '\\', '\0']) && file != "." && file != ".."
}

/// Everything written in one architecture's tables.
#[derive(Debug)]
pub(crate) struct Tables {
    pub(crate) arch: RawArch,
    /// Path of `arch.yaml`.
    pub(crate) path: String,
    /// Groups that could be read, by index into `arch.groups`.
    pub(crate) files: Vec<GroupFile>,
    /// Whether a file is missing or cut short, so that names may be missing too.
    pub(crate) incomplete: bool,
}

/// A group's file.
#[derive(Debug)]
pub(crate) struct GroupFile {
    /// Index into [`RawArch::groups`].
    pub(crate) group: usize,
    /// Index into the texts.
    pub(crate) text: usize,
    pub(crate) layouts: Vec<RawLayout>,
    pub(crate) rows: Vec<Row>,
}

/// Reads all files of an architecture.
pub(crate) fn read(sources: &Sources, findings: &mut Vec<Finding>) -> Tables {
    let mut incomplete = false;
    if let Some(reason) = &sources.unreadable {
        findings.push(Finding::new(
            "E0002",
            Place::root(0),
            format!("cannot read the file: {reason}"),
        ));
    }
    let path = sources.texts.first().map_or(String::new(), |text| text.path.clone());
    let arch = match sources.texts.first() {
        Some(text) if sources.unreadable.is_none() => {
            let node = match &sources.arch {
                Some(node) => Some(node.clone()),
                None => document(&text.text, 0, findings, &mut incomplete),
            };
            node.map(|node| Walker { findings }.arch(node, &At::Root(0))).unwrap_or_default()
        }
        _ => RawArch::default(),
    };
    let mut files: Vec<GroupFile> = Vec::new();
    for (index, group) in arch.groups.iter().enumerate() {
        match group_text(sources, group, &files, findings) {
            Some(text) => files.push(group_file(sources, index, text, findings, &mut incomplete)),
            None => incomplete = true,
        }
    }
    Tables { arch, path, files, incomplete }
}

/// Name of `arch.yaml` itself.
fn file_name(sources: &Sources) -> &str {
    let path = sources.texts.first().map_or("", |text| &text.path);
    path.rsplit('/').next().unwrap_or(path)
}

/// Finds the text of a group's file.
fn group_text(
    sources: &Sources,
    group: &RawGroup,
    before: &[GroupFile],
    findings: &mut Vec<Finding>,
) -> Option<usize> {
    if group.file.is_empty() {
        return None;
    }
    let place = group.place.value("file");
    let problem = match sources.groups.iter().find(|(file, _)| *file == group.file) {
        Some(_) if group.file == file_name(sources) => {
            format!("`{}` is this file itself", group.file)
        }
        Some((_, Ok(text))) if before.iter().all(|file| file.text != *text) => return Some(*text),
        Some((_, Ok(_))) => format!("file `{}` belongs to another group", group.file),
        Some((_, Err(reason))) => format!("cannot read `{}`: {reason}", group.file),
        None => format!("`{}` is not the name of a file beside arch.yaml", group.file),
    };
    findings.push(Finding::new("E0002", place, problem));
    None
}

fn group_file(
    sources: &Sources,
    group: usize,
    text: usize,
    findings: &mut Vec<Finding>,
    incomplete: &mut bool,
) -> GroupFile {
    let source = &sources.texts[text];
    let mut file = GroupFile { group, text, layouts: Vec::new(), rows: Vec::new() };
    let mut cut = false;
    let Some(node) = document(&source.text, text, findings, &mut cut) else {
        *incomplete = true;
        return file;
    };
    *incomplete |= cut;
    let mut walker = Walker { findings };
    walker.keys(node, &At::Root(text), grammar::FILE, |walker, key, value, at| match key {
        "layouts" => walker.names(value, at, |walker, name, value, at| {
            file.layouts.push(walker.layout(name, value, at));
        }),
        // All rows were cut off with a syntax error.
        _ if value == Node::Null && cut => {}
        _ => {
            let Some(items) = walker.list(value, at) else { return };
            file.rows.reserve(items.len());
            for (index, item) in items.into_iter().enumerate() {
                file.rows.push(walker.row(item, &at.item(index)));
            }
        }
    });
    file
}

/// Parses a file; on a syntax error, what stands before the row that holds it.
fn document(
    text: &str,
    file: usize,
    findings: &mut Vec<Finding>,
    incomplete: &mut bool,
) -> Option<Node> {
    let error = match yaml::parse(text) {
        Ok(node) => return Some(node),
        Err(error) => error,
    };
    *incomplete = true;
    findings.push(syntax_error(file, text, &error));
    let mut end = error.offset.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    // The row may begin one row before the place where the parser noticed.
    for _ in 0..2 {
        end = text[..end].rfind("\n  - ")? + 1;
        if let Ok(node) = yaml::parse(&text[..end]) {
            return Some(node);
        }
    }
    None
}

/// What is wrong with a text that is not YAML.
fn syntax_error(file: usize, text: &str, error: &SyntaxError) -> Finding {
    let place = Place::byte(file, error.offset);
    let mut finding = Finding::new("E0001", place, format!("not YAML: {}", error.message));
    if let Some((context, offset)) = &error.context {
        finding = finding.related(Place::byte(file, *offset), context);
    }
    let at = text.as_bytes().get(error.offset);
    let help = match error.message.as_str() {
        "recursion limit exceeded" | "repetition limit exceeded" => return finding,
        message if message.contains("more than one document") => {
            "a file is one document: take out the line `---`"
        }
        _ if at == Some(&b'\t') => "indent with spaces: YAML takes no tabs",
        message if message.starts_with("did not find expected ','") => {
            "close the bracket, or put text that holds `: `, ` #`, `, ` or a bracket in double quotes"
        }
        _ => "put text that holds `: `, ` #`, `, ` or a bracket in double quotes",
    };
    finding.help(help)
}
