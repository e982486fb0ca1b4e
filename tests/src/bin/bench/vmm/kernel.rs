//! A kernel that says that it runs, writes to a port and to memory, says how long that took, and halts.

/// How many writes are timed at once, so few that nothing else runs meanwhile at the best time.
pub(super) const WRITES: u32 = 100;

/// How many times, of which the best counts.
const TIMES: u32 = 50;

/// What it prints when it begins.
pub(super) const STARTED: u8 = b'1';

/// A port without a device, and the register that selects a queue of the first virtio device.
const PORT: u16 = 0x80;
const REGISTER: u32 = 0xfeb0_0030;

/// Where it is loaded and starts, in 32-bit mode.
const LOAD: u32 = 0x10_0000;

/// Offsets of the note that says where it starts, and of the code.
const NOTE: u64 = 0xe0;
const CODE: u64 = 0x100;

/// Returns the kernel as an ELF file.
pub(super) fn elf() -> Vec<u8> {
    let code = code();
    let segment = |kind: u32, offset: u64, length: u64| {
        let sizes = [offset, LOAD.into(), LOAD.into(), length, length, 4];
        let words = sizes.iter().flat_map(|word| word.to_le_bytes());
        [kind, 7].iter().flat_map(|word| word.to_le_bytes()).chain(words).collect::<Vec<u8>>()
    };
    // A 64-bit program of x86-64 with two segments, whose headers follow.
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0".to_vec();
    file.extend([u64::from(LOAD), 64, 0].iter().flat_map(|word| word.to_le_bytes()));
    file.extend([0, 0, 0, 0, 64, 0, 56, 0, 2, 0, 64, 0, 0, 0, 0, 0]);
    file.extend(segment(1, CODE, code.len() as u64));
    file.extend(segment(4, NOTE, 20));
    file.resize(NOTE as usize, 0);
    // Lengths of name and content, the kind that is an entry, and both.
    for word in [4, 4, 18, u32::from_le_bytes(*b"Xen\0"), LOAD] {
        file.extend(word.to_le_bytes());
    }
    file.resize(CODE as usize, 0);
    file.extend(code);
    file
}

fn code() -> Vec<u8> {
    // mov dx, PORT; 1: out dx, al; loop 1b
    let port = [&[0x66, 0xba][..], &PORT.to_le_bytes(), &[0xee, 0xe2, 0xfd]].concat();
    // mov edi, REGISTER; xor eax, eax; 1: mov [edi], eax; loop 1b
    let memory =
        [&[0xbf][..], &REGISTER.to_le_bytes(), &[0x31, 0xc0, 0x89, 0x07, 0xe2, 0xfc]].concat();
    // 1: hlt; jmp 1b
    let halt = vec![0xf4, 0xeb, 0xfd];
    [say(STARTED), time(&port), time(&memory), halt].concat()
}

/// Prints the least number of cycles that `writes` take, which count in ecx, and the end of the line.
fn time(writes: &[u8]) -> Vec<u8> {
    // rdtsc; mov esi, eax; mov ecx, WRITES
    let begin = [&[0x0f, 0x31, 0x89, 0xc6, 0xb9][..], &WRITES.to_le_bytes()].concat();
    // rdtsc; sub eax, esi; cmp eax, ebx; jae 1f; mov ebx, eax; 1: dec ebp; jnz BACK
    let end = [0x0f, 0x31, 0x29, 0xf0, 0x39, 0xd8, 0x73, 0x02, 0x89, 0xc3, 0x4d, 0x75];
    let back = (begin.len() + writes.len() + end.len() + 1) as u8;
    let turn = [&begin, writes, &end, &[back.wrapping_neg()]].concat();
    // mov ebx, -1; mov ebp, TIMES
    let first = [&[0xbb, 0xff, 0xff, 0xff, 0xff, 0xbd][..], &TIMES.to_le_bytes()].concat();
    // mov dx, 0x3f8; mov ecx, 4; 1: mov al, bl; out dx, al; shr ebx, 8; loop 1b; mov al, '\n'; out dx, al
    let print = [
        0x66, 0xba, 0xf8, 0x03, 0xb9, 4, 0, 0, 0, 0x88, 0xd8, 0xee, 0xc1, 0xeb, 8, 0xe2, 0xf8,
        0xb0, b'\n', 0xee,
    ];
    [&first[..], &turn, &print].concat()
}

/// Prints a byte, and the end of its line: mov dx, 0x3f8; mov al, BYTE; out dx, al; mov al, '\n'; out dx, al
fn say(byte: u8) -> Vec<u8> {
    vec![0x66, 0xba, 0xf8, 0x03, 0xb0, byte, 0xee, 0xb0, b'\n', 0xee]
}
