//! Reading files of states: any bytes, without a panic and without memory out of proportion to them.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::{
    BLOCK, CARRIED_BY_IOCTL, CHECKSUM, CLASSES, FormatError, HEADER, MAGIC, StateFile, swap,
};
use crate::TABLES;
use crate::register::Place;
use crate::registers::Host;
use crate::state::{Block, Entry, Key, Origin, VcpuState};
use crate::table::{Carrier, Info, Table};

/// Reads a file.
pub(super) fn decode(bytes: &[u8]) -> Result<StateFile, FormatError> {
    let mut reader = Reader { bytes, offset: 0 };
    if bytes.first_chunk() != Some(&MAGIC) {
        let problem = "this is no file of vCPU states, which begins with `onereg`";
        return Err(FormatError::new(0, problem));
    }
    reader.offset = MAGIC.len();
    let version = u16::from_le_bytes(reader.array("the version")?);
    if version != StateFile::VERSION {
        let known = StateFile::VERSION;
        return Err(FormatError::new(
            MAGIC.len(),
            format!(
                "version {version} is not one that this build reads (1 to {known}): take a newer build"
            ),
        ));
    }
    let body = check_whole(&mut reader)?;
    let mut reader = Reader { bytes: body, offset: HEADER };
    version_1(&mut reader)
}

/// Checks length and checksum; returns everything but the checksum.
fn check_whole<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], FormatError> {
    let length = u64::from_le_bytes(reader.array("the length")?);
    let bytes = reader.bytes;
    if length != bytes.len() as u64 {
        let problem = format!("the file should have {length} bytes and has {}", bytes.len());
        return Err(FormatError::new(HEADER - 8, format!("{problem}: it is cut off or altered")));
    }
    let Some((body, checksum)) = bytes.split_last_chunk::<CHECKSUM>() else {
        return Err(FormatError::new(bytes.len(), "the checksum is missing"));
    };
    let (saved, found) = (u32::from_le_bytes(*checksum), crc32fast::hash(body));
    if saved != found {
        return Err(FormatError::new(
            body.len(),
            format!("the checksum is {saved:#010x}, that of the file {found:#010x}: it is altered"),
        ));
    }
    Ok(body)
}

/// Reads the vCPUs of a file of version 1.
fn version_1(reader: &mut Reader<'_>) -> Result<StateFile, FormatError> {
    let count = reader.varint("the number of vCPUs")?;
    let mut vcpus = Vec::new();
    for _ in 0..count {
        vcpus.push(vcpu(reader)?);
    }
    if reader.offset != reader.bytes.len() {
        return Err(reader.error("there is more than the file says"));
    }
    Ok(StateFile { vcpus })
}

fn vcpu(reader: &mut Reader<'_>) -> Result<VcpuState, FormatError> {
    let start = reader.offset;
    let arch = reader.text("the architecture")?;
    let Some(table) = TABLES.iter().copied().find(|table| table.name == arch) else {
        return Err(FormatError::new(
            start,
            format!("no architecture of this build is called `{arch}`"),
        ));
    };
    let origin = origin(reader)?;
    let mut carriers: Vec<&str> = Vec::new();
    for _ in 0..reader.varint("the number of carriers")? {
        carriers.push(reader.text("the name of a carrier")?);
    }
    let mut state =
        VcpuState { table, origin, entries: Vec::new(), values: Vec::new(), again: None };
    let mut keys = BTreeSet::new();
    for _ in 0..reader.varint("the number of registers")? {
        let start = reader.offset;
        let key = register(reader, &carriers, &mut state)?;
        if !keys.insert(key) {
            return Err(FormatError::new(start, "the register is there twice"));
        }
    }
    state.entries.sort_by(|a, b| a.order().cmp(&b.order()));
    Ok(state)
}

fn origin(reader: &mut Reader<'_>) -> Result<Origin, FormatError> {
    let kernel = reader.text("the kernel")?.to_owned();
    let table = reader.text("the kernel of the table")?.to_owned();
    let library = reader.text("the version of the library")?.to_owned();
    let start = reader.offset;
    let [order, xlen] = reader.array("the host")?;
    let vlenb = reader.varint("the vector length")?;
    let host = usize::try_from(vlenb).ok().and_then(|vlenb| Host::new(u32::from(xlen) * 8, vlenb));
    let (Some(host), 0 | 1) = (host.filter(|_| vlenb != 0), order) else {
        let problem = format!("no host has XLEN {xlen}, vectors of {vlenb} bytes, order {order}");
        return Err(FormatError::new(start, problem));
    };
    Ok(Origin { kernel, table, library, host, big_endian: order == 1 })
}

/// Reads a register and adds it to the state.
fn register(
    reader: &mut Reader<'_>,
    carriers: &[&str],
    state: &mut VcpuState,
) -> Result<Key, FormatError> {
    let name = reader.text("the name of a register")?.to_owned();
    let start = reader.offset;
    let [kind] = reader.array("the class")?;
    let form = kind & (CARRIED_BY_IOCTL | BLOCK);
    let Some(class) = CLASSES.get(usize::from(kind & !form)) else {
        return Err(FormatError::new(start, format!("no class has the number {kind:#x}")));
    };
    let (key, size) = match form {
        0 => id(reader)?,
        CARRIED_BY_IOCTL => via(reader, carriers)?,
        BLOCK => block(reader, carriers)?,
        _ => return Err(FormatError::new(start, "a register and a block at once")),
    };
    let value = reader.take(size, "the value of a register")?;
    if let Key::Block { carrier } = &key {
        let known = |known: &&&Carrier| known.name == *carrier && known.block.is_some();
        let carrier = state.table.carriers.iter().find(known).copied();
        state.entries.push(Entry {
            name: Cow::Owned(name),
            key: key.clone(),
            class: *class,
            info: None,
            block: Some(Block { carrier, bytes: value.to_vec() }),
            range: 0..0,
        });
        return Ok(key);
    }
    let start = state.values.len();
    state.values.extend_from_slice(value);
    swap(&mut state.values[start..]);
    let info = info(state.table, state.origin.host, &key);
    let range = start..state.values.len();
    state.entries.push(Entry {
        name: Cow::Owned(name),
        key: key.clone(),
        class: *class,
        info,
        block: None,
        range,
    });
    Ok(key)
}

fn id(reader: &mut Reader<'_>) -> Result<(Key, usize), FormatError> {
    let id = u64::from_le_bytes(reader.array("the id of a register")?);
    Ok((Key::Id(id), Place::OneReg(id).size(Host::LP64)))
}

fn via(reader: &mut Reader<'_>, carriers: &[&str]) -> Result<(Key, usize), FormatError> {
    let start = reader.offset;
    let index = reader.varint("the carrier of a register")?;
    let carrier = usize::try_from(index).ok().and_then(|index| carriers.get(index));
    let offset = u16::try_from(reader.varint("the offset of a register")?);
    let size = u16::try_from(reader.varint("the size of a register")?);
    match (carrier, offset, size) {
        (Some(carrier), Ok(offset), Ok(size)) if size != 0 => {
            let carrier = Cow::Owned((*carrier).to_owned());
            Ok((Key::Via { carrier, offset, size }, usize::from(size)))
        }
        (None, ..) => {
            Err(FormatError::new(start, format!("there is no carrier with the number {index}")))
        }
        _ => Err(FormatError::new(start, "no struct is that large, and no register has 0 bytes")),
    }
}

fn block(reader: &mut Reader<'_>, carriers: &[&str]) -> Result<(Key, usize), FormatError> {
    let start = reader.offset;
    let index = reader.varint("the carrier of a block")?;
    let Some(carrier) = usize::try_from(index).ok().and_then(|index| carriers.get(index)) else {
        let problem = format!("there is no carrier with the number {index}");
        return Err(FormatError::new(start, problem));
    };
    let size = reader.varint("the size of a block")?;
    let key = Key::Block { carrier: Cow::Owned((*carrier).to_owned()) };
    Ok((key, usize::try_from(size).unwrap_or(usize::MAX)))
}

/// Looks the register up in this build's table.
fn info(table: &'static Table, host: Host, key: &Key) -> Option<&'static Info> {
    match key {
        Key::Id(id) => table.by_id(*id).filter(|info| info.place.id(host) == Some(*id)),
        Key::Block { .. } => None,
        Key::Via { carrier, offset, size } => {
            let carrier = table.carriers.iter().find(|known| known.name == *carrier)?;
            table.at(Place::Via { carrier, offset: *offset, size: *size })
        }
    }
}

/// Bytes, and how far they are read.
struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    fn error(&self, problem: impl Into<String>) -> FormatError {
        FormatError::new(self.offset, problem)
    }

    fn take(&mut self, count: usize, what: &str) -> Result<&'a [u8], FormatError> {
        let rest = self.bytes.get(self.offset..).unwrap_or_default();
        let Some(taken) = rest.get(..count) else {
            return Err(self.error(format!("{what} is cut off")));
        };
        self.offset += count;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], FormatError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N, what)?);
        Ok(array)
    }

    fn varint(&mut self, what: &str) -> Result<u64, FormatError> {
        let start = self.offset;
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array(what)?;
            let bits = u64::from(byte & 0x7f);
            number |= bits << shift;
            if byte & 0x80 == 0 {
                if bits << shift >> shift != bits || (byte == 0 && shift != 0) {
                    break;
                }
                return Ok(number);
            }
        }
        Err(FormatError::new(start, format!("{what} is no number of up to 64 bits")))
    }

    fn text(&mut self, what: &str) -> Result<&'a str, FormatError> {
        let start = self.offset;
        let length = self.varint(what)?;
        let bytes = self.take(usize::try_from(length).unwrap_or(usize::MAX), what)?;
        std::str::from_utf8(bytes)
            .map_err(|_| FormatError::new(start, format!("{what} is no text in UTF-8")))
    }
}
