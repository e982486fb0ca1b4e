//! `onereg explain`.

use super::args::ExplainArgs;
use super::failure::Failure;
use super::text;

/// What each code means, with a wrong and a right example, by code. The first line is `# CODE: MEANING`.
const TEXTS: &[&str] = &[
    include_str!("explain/E0001.md"),
    include_str!("explain/E0002.md"),
    include_str!("explain/E0003.md"),
    include_str!("explain/E0101.md"),
    include_str!("explain/E0102.md"),
    include_str!("explain/E0103.md"),
    include_str!("explain/E0104.md"),
    include_str!("explain/E0105.md"),
    include_str!("explain/E0201.md"),
    include_str!("explain/E0202.md"),
    include_str!("explain/E0203.md"),
    include_str!("explain/E0204.md"),
    include_str!("explain/E0205.md"),
    include_str!("explain/E0206.md"),
    include_str!("explain/E0207.md"),
    include_str!("explain/E0208.md"),
    include_str!("explain/E0209.md"),
    include_str!("explain/E0210.md"),
    include_str!("explain/E0301.md"),
    include_str!("explain/E0302.md"),
    include_str!("explain/E0303.md"),
    include_str!("explain/E0304.md"),
    include_str!("explain/E0305.md"),
    include_str!("explain/E0306.md"),
    include_str!("explain/E0307.md"),
    include_str!("explain/E0309.md"),
    include_str!("explain/E0310.md"),
];

pub(crate) fn run(args: &ExplainArgs) -> Result<String, Failure> {
    let Some(wanted) = &args.code else {
        let rows: Vec<_> =
            TEXTS.iter().map(|text| title(text).map(str::to_owned).to_vec()).collect();
        return Ok(text::table("", &rows));
    };
    let found = TEXTS.iter().find(|text| title(text)[0].eq_ignore_ascii_case(wanted));
    found.map(|&text| text.to_owned()).ok_or_else(|| unknown(wanted))
}

/// Code and meaning of a text, in one line.
fn title(text: &str) -> [&str; 2] {
    let line = text.lines().next().unwrap_or("").trim_start_matches("# ");
    line.split_once(": ").unwrap_or((line, "")).into()
}

fn unknown(code: &str) -> Failure {
    let codes: Vec<_> = TEXTS.iter().map(|text| title(text)[0]).collect();
    Failure::new(format!("no finding has the code `{code}`: there are {}", codes.join(", ")))
}
