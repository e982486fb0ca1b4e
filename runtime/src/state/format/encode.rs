//! Writing files of states.

use super::{BLOCK, CARRIED_BY_IOCTL, CHECKSUM, CLASSES, HEADER, MAGIC, StateFile, swap};
use crate::state::{Entry, Key, VcpuState};

/// Returns the bytes of a file.
pub(super) fn encode(file: &StateFile) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend(MAGIC);
    out.extend(StateFile::VERSION.to_le_bytes());
    out.extend([0; 8]);
    varint(&mut out, file.vcpus.len() as u64);
    for state in &file.vcpus {
        vcpu(&mut out, state);
    }
    let length = (out.len() + CHECKSUM) as u64;
    let place = &mut out[HEADER - 8..HEADER];
    place.copy_from_slice(&length.to_le_bytes());
    let checksum = crc32fast::hash(&out);
    out.extend(checksum.to_le_bytes());
    out
}

fn vcpu(out: &mut Vec<u8>, state: &VcpuState) {
    let origin = &state.origin;
    for part in [state.table.name, &origin.kernel, &origin.table, &origin.library] {
        text(out, part);
    }
    out.push(u8::from(origin.big_endian));
    out.push(origin.host.xlen);
    varint(out, origin.host.vlenb() as u64);
    let carriers = carriers(&state.entries);
    varint(out, carriers.len() as u64);
    carriers.iter().for_each(|carrier| text(out, carrier));
    varint(out, state.entries.len() as u64);
    for entry in &state.entries {
        register(out, state, entry, &carriers);
    }
}

/// Returns the names of the carriers, each once.
fn carriers(entries: &[Entry]) -> Vec<&str> {
    let mut names: Vec<&str> = entries
        .iter()
        .filter_map(|entry| match &entry.key {
            Key::Id(_) => None,
            Key::Via { carrier, .. } | Key::Block { carrier } => Some(&**carrier),
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn register(out: &mut Vec<u8>, state: &VcpuState, entry: &Entry, carriers: &[&str]) {
    text(out, &entry.name);
    let class = CLASSES.iter().position(|class| *class == entry.class).unwrap_or(0) as u8;
    let number = |carrier: &str| carriers.iter().position(|known| *known == carrier).unwrap_or(0);
    match &entry.key {
        Key::Block { carrier } => {
            out.push(class | BLOCK);
            varint(out, number(carrier) as u64);
            let bytes = state.value(entry);
            varint(out, bytes.len() as u64);
            return out.extend_from_slice(bytes);
        }
        Key::Id(id) => {
            out.push(class);
            out.extend(id.to_le_bytes());
        }
        Key::Via { carrier, offset, size } => {
            out.push(class | CARRIED_BY_IOCTL);
            varint(out, number(carrier) as u64);
            varint(out, u64::from(*offset));
            varint(out, u64::from(*size));
        }
    }
    let start = out.len();
    out.extend_from_slice(state.value(entry));
    swap(&mut out[start..]);
}

fn text(out: &mut Vec<u8>, text: &str) {
    varint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}
