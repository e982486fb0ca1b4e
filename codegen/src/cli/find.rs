//! Architectures and registers by name, and what was meant by a name that none has.

use onereg_codegen::model::Arch;
use onereg_codegen::query::{Member, all_members, nearest_name};

use super::failure::Failure;

/// Finds an architecture.
pub(crate) fn arch<'a>(archs: &'a [Arch], name: &str) -> Result<&'a Arch, Failure> {
    archs.iter().find(|arch| arch.name == name).ok_or_else(|| {
        let known: Vec<_> = archs.iter().map(|arch| arch.name.as_str()).collect();
        let help = match nearest_name(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the tables have {}", known.join(", ")),
        };
        Failure::new(format!("unknown architecture `{name}`: {help}"))
    })
}

/// Finds the architectures with these names; all of them where there is no name.
pub(crate) fn archs<'a>(archs: &'a [Arch], names: &[String]) -> Result<Vec<&'a Arch>, Failure> {
    if names.is_empty() {
        return Ok(archs.iter().collect());
    }
    let mut found: Vec<&Arch> =
        names.iter().map(|name| arch(archs, name)).collect::<Result<_, _>>()?;
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found.dedup_by(|a, b| a.name == b.name);
    Ok(found)
}

/// Finds the registers with this name, and the families with this name by their first member.
pub(crate) fn registers<'a>(archs: &[&'a Arch], name: &str) -> Result<Vec<Member<'a>>, Failure> {
    let is_named = |member: &Member<'_>| {
        let family = member.row.name.family.is_some()
            && (member.row.name.text == name || member.row.constant == name);
        member.name() == name || family && member.index == 0
    };
    let found: Vec<_> = archs.iter().flat_map(|arch| all_members(arch)).filter(is_named).collect();
    if found.is_empty() { Err(unknown(archs, name)) } else { Ok(found) }
}

/// Says that no register has this name.
fn unknown(archs: &[&Arch], name: &str) -> Failure {
    let known: Vec<_> =
        archs.iter().flat_map(|arch| all_members(arch)).map(|member| member.name()).collect();
    let place = match archs {
        [arch] => format!(" of {}", arch.name),
        _ => String::new(),
    };
    let help = match nearest_name(name, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`onereg list` prints every name".to_owned(),
    };
    Failure::new(format!("unknown register `{name}`{place}: {help}"))
}
