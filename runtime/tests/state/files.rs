//! Files of states: what is written is read, what is altered is refused, what was written once is read forever.

use std::path::{Path, PathBuf};
use std::{env, fs};

use onereg::arm64::{PC, SCTLR_EL1, SVE_VLS, TIMER_CNT, V, X};
use onereg::riscv::{TIMER_TIME, VSTART};
use onereg::x86::{CS_SELECTOR, EFER, IA32_TSC, INTERRUPT_BITMAP, RAX, XSAVE_XMM};
use onereg::{
    Arch, Arm64, Host, Memory, Place, Present, Registers, RestoreOptions, Riscv, StateFile,
    Unknown, VcpuState, X86,
};

use crate::{capture, fill};

/// Fills and captures a vCPU that has only these registers, and 8 bytes that no table knows.
fn small<A: Arch>(host: Host, mut places: Vec<Place>, seed: u64) -> VcpuState {
    let unknown = u64::from(A::CODE.unwrap()) << 56 | 3 << 52 | 0xfff_ffff;
    places.push(Place::OneReg(unknown));
    let vcpu = Memory::<A>::holding(host, places.iter().copied());
    let mut random = crate::target::Random(seed);
    let blocks = A::TABLE.carriers.iter().filter(|carrier| carrier.block.is_some());
    blocks.for_each(|carrier| vcpu.write_block(carrier, &seed.to_le_bytes()).unwrap());
    for place in places {
        let value: Vec<u8> = (0..place.size(host)).map(|_| random.next() as u8).collect();
        vcpu.write_bytes(place, &value).unwrap();
    }
    let mut ids: Vec<u64> = A::TABLE
        .registers
        .iter()
        .filter_map(|info| info.place.id(host))
        .filter(|id| vcpu.read_bytes(place_of::<A>(*id), &mut vec![0; size(*id)]).is_ok())
        .collect();
    ids.push(unknown);
    let captured = VcpuState::capture(&vcpu, Present::Listed(&ids), Unknown::Carry).unwrap();
    captured.state.on_kernel("7.3.4 \"test\"")
}

fn place_of<A: Arch>(id: u64) -> Place {
    A::TABLE.by_id(id).map_or(Place::OneReg(id), |info| info.place)
}

fn size(id: u64) -> usize {
    Place::OneReg(id).size(Host::LP64)
}

/// A file with vCPUs of three architectures: every kind of place and width.
fn small_file() -> StateFile {
    let arm64 = vec![
        PC.place(),
        X[30].place(),
        V[1].place(),
        SCTLR_EL1.place(),
        SVE_VLS.place(),
        TIMER_CNT.place(),
    ];
    let x86 = vec![
        RAX.place(),
        CS_SELECTOR.place(),
        INTERRUPT_BITMAP.place(),
        XSAVE_XMM[2].place(),
        EFER.place(),
        IA32_TSC.place(),
    ];
    let v5 = Riscv::TABLE.by_name("V5").unwrap().place;
    let riscv = vec![VSTART.place(), v5, TIMER_TIME.place()];
    StateFile {
        vcpus: vec![
            small::<Arm64>(Host::LP64, arm64, 1),
            small::<X86>(Host::LP64, x86, 2),
            small::<Riscv>(Host::new(32, 32).unwrap(), riscv, 3),
        ],
    }
}

fn full_file<A: Arch>(host: Host) -> StateFile {
    let vcpu = Memory::<A>::new(host);
    fill(&vcpu, 5);
    StateFile { vcpus: vec![capture(&vcpu)] }
}

fn json(file: &StateFile) -> String {
    let mut text = String::new();
    file.write_json(&mut text).unwrap();
    text
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/state/golden").join(name)
}

#[test]
fn every_architecture_comes_back_from_its_file() {
    let files = [
        full_file::<Arm64>(Host::LP64),
        full_file::<onereg::Loongarch>(Host::LP64),
        full_file::<onereg::Mips>(Host::LP64),
        full_file::<onereg::Powerpc>(Host::LP64),
        full_file::<Riscv>(Host::new(64, 16).unwrap()),
        full_file::<Riscv>(Host::new(32, 64).unwrap()),
        full_file::<onereg::S390>(Host::LP64),
        full_file::<X86>(Host::LP64),
        small_file(),
    ];
    for file in files {
        let bytes = file.to_bytes();
        let read = StateFile::from_bytes(&bytes).unwrap();
        assert_eq!(read, file);
        assert_eq!(read.to_bytes(), bytes);
        for (read, written) in read.vcpus.iter().zip(&file.vcpus) {
            assert_eq!(read.origin(), written.origin());
            for (read, written) in read.registers().zip(written.registers()) {
                assert_eq!((read.class(), read.info()), (written.class(), written.info()));
            }
        }
    }
}

#[test]
fn a_state_from_a_file_is_restored() {
    let vcpu = Memory::<onereg::S390>::new(Host::LP64);
    fill(&vcpu, 8);
    let file = StateFile { vcpus: vec![capture(&vcpu)] };
    let file = StateFile::from_bytes(&file.to_bytes()).unwrap();
    let fresh = Memory::<onereg::S390>::new(Host::LP64);
    file.vcpus[0].restore(&fresh, &RestoreOptions::default()).unwrap();
    assert!(file.vcpus[0].verify(&fresh).unwrap().is_empty());
    assert_eq!(capture(&fresh), capture(&vcpu));
}

/// The file of version 1 was written once, by the first build that could; it is never written again.
#[test]
fn the_file_of_version_1_is_still_read() {
    let bless = env::var_os("BLESS").is_some();
    if bless && !golden("1.state").exists() {
        fs::create_dir_all(golden("")).unwrap();
        fs::write(golden("1.state"), small_file().to_bytes()).unwrap();
    }
    let file = StateFile::from_bytes(&fs::read(golden("1.state")).unwrap()).unwrap();
    if bless {
        fs::write(golden("1.json"), json(&file)).unwrap();
    }
    let expected = fs::read_to_string(golden("1.json")).unwrap();
    assert_eq!(json(&file), expected, "BLESS=1 writes the JSON again");
    assert_eq!(file, small_file());
}

#[test]
fn the_json_view_is_json() {
    let file = small_file();
    let value: serde_json::Value = serde_json::from_str(&json(&file)).unwrap();
    assert_eq!(value["version"], 1);
    assert_eq!(value["vcpus"][0]["kernel"], "7.3.4 \"test\"");
    assert_eq!(value["vcpus"][2]["xlen"], 32);
    let registers = value["vcpus"][1]["registers"].as_array().unwrap();
    assert_eq!(registers.len(), file.vcpus[1].registers().len());
    let rax = registers.iter().find(|register| register["name"] == "RAX").unwrap();
    assert_eq!((&rax["id"], &rax["via"]), (&serde_json::Value::Null, &"regs".into()));
    assert_eq!((&rax["width"], &rax["class"]), (&64.into(), &"state".into()));
}

#[test]
fn a_file_cut_off_anywhere_is_refused() {
    let bytes = small_file().to_bytes();
    for length in 0..bytes.len() {
        let error = StateFile::from_bytes(&bytes[..length]).unwrap_err();
        assert!(error.offset() <= length, "{error}");
        assert!(error.to_string().starts_with("byte 0x"), "{error}");
    }
    let mut longer = bytes;
    longer.push(0);
    let error = StateFile::from_bytes(&longer).unwrap_err();
    assert!(error.to_string().contains("cut off or altered"), "{error}");
}

#[test]
fn a_file_altered_anywhere_is_refused() {
    let bytes = small_file().to_bytes();
    for offset in 0..bytes.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut altered = bytes.clone();
            altered[offset] ^= change;
            assert!(StateFile::from_bytes(&altered).is_err(), "byte {offset:#x} ^ {change:#x}");
        }
    }
}

/// Alters a file and makes length and checksum right again.
fn forged(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = small_file().to_bytes();
    bytes.truncate(bytes.len() - 4);
    change(&mut bytes);
    let length = bytes.len() as u64 + 4;
    bytes[10..18].copy_from_slice(&length.to_le_bytes());
    let checksum = crc32fast::hash(&bytes);
    bytes.extend(checksum.to_le_bytes());
    bytes
}

#[test]
fn a_forged_file_never_panics_and_says_where() {
    assert!(StateFile::from_bytes(&forged(|_| {})).is_ok());
    let length = forged(|_| {}).len() - 4;
    for offset in 18..length {
        for value in [0x00, 0x01, 0x7f, 0x80, 0xff] {
            if let Err(error) = StateFile::from_bytes(&forged(|bytes| bytes[offset] = value)) {
                assert!((18..=length).contains(&error.offset()), "{error}");
            }
        }
    }
    let more = forged(|bytes| bytes[18] = 4);
    let error = StateFile::from_bytes(&more).unwrap_err().to_string();
    assert!(error.contains("the architecture is cut off"), "{error}");
    let fewer = StateFile::from_bytes(&forged(|bytes| bytes[18] = 2)).unwrap_err().to_string();
    assert!(fewer.contains("there is more than the file says"), "{fewer}");
    let unknown = forged(|bytes| bytes[20] = b'z');
    let error = StateFile::from_bytes(&unknown).unwrap_err().to_string();
    assert_eq!(error, "byte 0x13: no architecture of this build is called `zrm64`");
}

#[test]
fn a_newer_version_is_named() {
    let newer = forged(|bytes| bytes[8] = 9);
    let error = StateFile::from_bytes(&newer).unwrap_err().to_string();
    let expected =
        "byte 0x8: version 9 is not one that this build reads (1 to 1): take a newer build";
    assert_eq!(error, expected);
    let error = StateFile::from_bytes(b"not a state").unwrap_err().to_string();
    assert_eq!(error, "byte 0x0: this is no file of vCPU states, which begins with `onereg`");
}

#[test]
fn a_register_that_is_there_twice_is_refused() {
    let name = b"\x02PC";
    let pc = forged(|bytes| {
        let at = bytes.windows(3).position(|window| window == name).unwrap();
        let register: Vec<u8> = bytes[at..at + 3 + 1 + 8 + 8].to_vec();
        // The count of registers is behind the number of carriers, right before the first register.
        let first = bytes.windows(8).position(|window| window == b"\x07SVE_VLS").unwrap();
        bytes[first - 1] += 1;
        bytes.splice(first..first, register);
    });
    let error = StateFile::from_bytes(&pc).unwrap_err().to_string();
    assert!(error.contains("the register is there twice"), "{error}");
}

#[test]
fn a_register_of_a_newer_table_keeps_its_name_and_is_refused() {
    let bytes = forged(|bytes| {
        let at = bytes.windows(3).position(|window| window == b"\x02PC").unwrap();
        bytes[at + 4] = 0xfe;
    });
    let file = StateFile::from_bytes(&bytes).unwrap();
    let pc = file.vcpus[0].register("PC").unwrap();
    assert_eq!(pc.info(), None);
    let target = Memory::<Arm64>::new(Host::LP64);
    let error = file.vcpus[0].restore(&target, &RestoreOptions::default()).unwrap_err();
    assert!(error.to_string().contains("PC (0x60300000001000fe)"), "{error}");
}
