//! Every name of every architecture, so that a search finds the member of a family too.

use super::markdown::{code, table};
use crate::model::Arch;
use crate::query::{Member, all_members};

pub(super) fn page(archs: &[Arch]) -> String {
    let mut names: Vec<_> =
        archs.iter().flat_map(all_members).map(|member| (member.name(), member)).collect();
    names.sort_by(|(a, x), (b, y)| {
        (sort_key(a), a, &x.arch.name).cmp(&(sort_key(b), b, &y.arch.name))
    });
    let mut page = String::from("# Every name\n\n");
    table(
        &mut page,
        &["Register", "Architecture", "Id"],
        names.iter().map(|(name, member)| row(name, member)),
    );
    page
}

/// Orders without regard to case, and `X2` before `X10`.
fn sort_key(name: &str) -> Vec<(bool, u64, String)> {
    let mut key: Vec<(bool, u64, String)> = Vec::new();
    for c in name.chars() {
        let digit = c.to_digit(10).map(u64::from);
        match (digit, key.last_mut()) {
            (Some(digit), Some((false, number, _))) => {
                *number = number.saturating_mul(10).saturating_add(digit)
            }
            (Some(digit), _) => key.push((false, digit, String::new())),
            (None, Some((true, _, word))) => word.extend(c.to_lowercase()),
            (None, _) => key.push((true, 0, c.to_lowercase().collect())),
        }
    }
    key
}

fn row(name: &str, member: &Member<'_>) -> Vec<String> {
    let (arch, group) = (&member.arch.name, &member.group().name);
    let anchor = super::register::anchor(member.row);
    vec![format!("[{name}]({arch}/{group}.md#{anchor})"), arch.clone(), code(&member.place())]
}

#[cfg(test)]
mod tests {
    use super::sort_key;

    #[test]
    fn numbers_in_names_count() {
        let mut names = ["X10", "x2", "PC", "X2_EL1", "X1"];
        names.sort_by_key(|name| sort_key(name));
        assert_eq!(names, ["PC", "X1", "x2", "X2_EL1", "X10"]);
    }
}
