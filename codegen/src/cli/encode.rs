//! `onereg encode`.

use std::path::Path;

use onereg_codegen::query::Member;

use super::args::EncodeArgs;
use super::failure::Failure;
use super::{find, tables};

pub(crate) fn run(root: &Path, args: &EncodeArgs) -> Result<String, Failure> {
    let archs = tables::load(root)?;
    let arch = find::arch(&archs, &args.arch)?;
    let named = find::registers(&[arch], &args.name)?;
    let Some(member) = named.iter().find(|member| member.name() == args.name) else {
        return Err(Failure::new(format!("`{}` is a family: name one register of it", args.name)));
    };
    let host = args.host.into();
    if let Some(xlen) = member.row.xlen.filter(|_| !arch.exists(member.row, host)) {
        return Err(Failure::new(format!(
            "{} exists only where XLEN is {xlen}: add --xlen {xlen}",
            args.name
        )));
    }
    let member = Member { host, ..*member };
    match member.id().or(member.address()) {
        Some(id) => Ok(format!("{id:#018x}\n")),
        None => Err(carried(&member)),
    }
}

/// Says where a register without an id is.
fn carried(member: &Member<'_>) -> Failure {
    let carrier = member.row.via.map(|carrier| &member.arch.carriers[carrier]);
    let ioctl = carrier.map_or("another ioctl", |carrier| &carrier.get.name);
    Failure::new(format!("{} has no id: {ioctl} carries it, at {}", member.name(), member.place()))
}
