//! Kernel modules: what each needs, and the order to load them in.

/// A module: its name and its file's content.
pub type Module = (String, Vec<u8>);

/// Returns `wanted` modules and those that they need, in the order of loading.
///
/// # Errors
///
/// Those of `read`, which returns the content of the module with a name: nothing where the kernel has no such module; and
/// names one that is needed and that the kernel does not have.
pub fn ordered(
    wanted: &[&str],
    mut read: impl FnMut(&str) -> Result<Vec<u8>, String>,
) -> Result<Vec<Module>, String> {
    let mut loaded = Vec::new();
    // A name stands here until its needs are loaded: a kernel whose modules need each other would go round for ever.
    let mut open: Vec<String> = Vec::new();
    for name in wanted {
        load(&plain(name), true, &mut read, &mut open, &mut loaded)?;
    }
    Ok(loaded)
}

fn load(
    name: &str,
    must_be: bool,
    read: &mut impl FnMut(&str) -> Result<Vec<u8>, String>,
    open: &mut Vec<String>,
    loaded: &mut Vec<Module>,
) -> Result<(), String> {
    if loaded.iter().any(|(known, _)| known == name) {
        return Ok(());
    }
    if open.iter().any(|known| known == name) {
        return Err(format!("module {name} needs itself"));
    }
    let content = read(name)?;
    if content.is_empty() {
        return if must_be { Err(format!("the kernel has no module {name}")) } else { Ok(()) };
    }
    open.push(name.to_owned());
    for need in needs(&content) {
        load(&plain(&need), true, read, open, loaded)?;
    }
    // A kernel without the module has the algorithm built in.
    for module in asks(&content) {
        load(module, false, read, open, loaded)?;
    }
    open.pop();
    loaded.push((name.to_owned(), content));
    Ok(())
}

/// Spells a module's name as the kernel does: file names may have hyphens where it has underscores.
pub fn plain(name: &str) -> String {
    name.replace('-', "_")
}

/// Algorithms that modules ask for by name, and the module with each.
const ALGORITHMS: &[(&str, &str)] = &[("crypto-crc32c", "crc32c_generic")];

/// Reads from the module's strings about itself what it depends on.
fn needs(content: &[u8]) -> Vec<String> {
    let depends = string(content, "depends").unwrap_or_default();
    depends.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Likewise, the modules with the algorithms that it asks for.
fn asks(content: &[u8]) -> impl Iterator<Item = &'static str> {
    let asks = string(content, "softdep").unwrap_or_default();
    let is_asked = move |name| asks.split(' ').any(|asked| asked == name);
    ALGORITHMS.iter().filter(move |(name, _)| is_asked(*name)).map(|(_, module)| *module)
}

/// Finds one of the module's strings about itself.
fn string(content: &[u8], name: &str) -> Option<String> {
    let key = format!("\0{name}=").into_bytes();
    let at = content.windows(key.len()).position(|window| window == key)?;
    let value = content[at + key.len()..].split(|byte| *byte == 0).next()?;
    Some(String::from_utf8_lossy(value).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str) -> Result<Vec<u8>, String> {
        let needs = match name {
            "kvm_amd" => "kvm,ccp",
            "kvm" => "irqbypass",
            "a" => "b",
            "b" => "a",
            "ext4" => "ccp\0softdep=pre: crypto-crc32c crypto-other",
            "irqbypass" | "ccp" | "crc32c_generic" => "",
            _ => return Ok(Vec::new()),
        };
        Ok(format!("ELF\0license=GPL\0depends={needs}\0name={name}\0").into_bytes())
    }

    fn names(wanted: &[&str]) -> Result<Vec<String>, String> {
        Ok(ordered(wanted, read)?.into_iter().map(|(name, _)| name).collect())
    }

    #[test]
    fn a_module_comes_after_what_it_needs_and_once() {
        let expected = ["irqbypass", "kvm", "ccp", "kvm_amd"].map(str::to_owned).to_vec();
        assert_eq!(names(&["kvm-amd"]), Ok(expected.clone()));
        assert_eq!(names(&["kvm", "kvm-amd", "kvm"]), Ok(expected));
    }

    #[test]
    fn an_algorithm_that_a_module_asks_for_comes_before_it() {
        let expected = ["ccp", "crc32c_generic", "ext4"].map(str::to_owned).to_vec();
        assert_eq!(names(&["ext4"]), Ok(expected));
        let newer = |name: &str| if name == "crc32c_generic" { Ok(Vec::new()) } else { read(name) };
        let modules = ordered(&["ext4"], newer).unwrap();
        assert!(modules.iter().map(|(name, _)| name).eq(["ccp", "ext4"]), "it is built in");
    }

    #[test]
    fn a_circle_and_a_missing_module_are_errors() {
        assert_eq!(names(&["a"]), Err("module a needs itself".to_owned()));
        assert_eq!(names(&["x"]), Err("the kernel has no module x".to_owned()));
    }

    #[test]
    fn a_module_without_strings_needs_nothing() {
        assert!(needs(b"\x7fELF").is_empty());
    }
}
