//! What can run.

use crate::hosts::{HOSTS, Host};
use crate::{kernels, tools};

/// Describes every host: its kernels, its CPU models, and what is missing.
///
/// # Errors
///
/// Says that there can be no cache.
pub fn text() -> Result<String, String> {
    HOSTS.iter().map(host).collect()
}

fn host(host: &'static Host) -> Result<String, String> {
    let names = [&[host.name], host.aliases].concat().join(", ");
    let missing = tools::missing(host);
    let ready = if missing.is_empty() {
        "installed".to_owned()
    } else {
        format!("missing {}", missing.join(", "))
    };
    let mut text = format!("{names}\n  packages  {ready}\n");
    let cached = kernels::cached(host, None)?;
    for suite in host.suites {
        let kernel = cached.iter().find(|kernel| kernel.suite == *suite);
        let kernel = kernel.map_or("fetched when it is needed", |kernel| kernel.release.as_str());
        text += &format!("  kernel    {suite}: {kernel}\n");
    }
    text += &format!("  cpu       {} (`{} -cpu help` lists all)\n", host.cpu, host.qemu);
    for variant in host.variants {
        text += &format!("            {variant}\n");
    }
    Ok(text)
}
