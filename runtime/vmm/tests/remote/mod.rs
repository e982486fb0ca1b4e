//! A guest that does what a test tells it, one access at a time: the test is its driver of devices.

use std::fs;
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::kernel::bzimage;
use crate::program::{program, temporary};
use crate::signals;

/// Bytes of an order, which comes through the serial port: up to 8 of code, and what is in RDI and RAX for it.
const ORDER: usize = 24;

/// The guest: it takes an order, executes its code and sends RAX back, and so on.
const CODE: [&[u8]; 5] = [
    // mov esp, 0x80000; 0: mov edi, 0x90000; mov ecx, 24
    &[0xbc, 0, 0, 8, 0, 0xbf, 0, 0, 9, 0, 0xb9, ORDER as u8, 0, 0, 0],
    // 1: mov dx, 0x3fd; 2: in al, dx; test al, 1; jz 2b; mov dx, 0x3f8; in al, dx; stosb; loop 1b
    &[0x66, 0xba, 0xfd, 3, 0xec, 0xa8, 1, 0x74, 0xfb, 0x66, 0xba, 0xf8, 3, 0xec, 0xaa, 0xe2, 0xef],
    // mov rax, [rdi - 8]; mov rdi, [rdi - 16]; mov esi, 0x90000; call rsi
    &[0x48, 0x8b, 0x47, 0xf8, 0x48, 0x8b, 0x7f, 0xf0, 0xbe, 0, 0, 9, 0, 0xff, 0xd6],
    // mov ecx, 8; mov dx, 0x3f8; 3: out dx, al; shr rax, 8; loop 3b
    &[0xb9, 8, 0, 0, 0, 0x66, 0xba, 0xf8, 3, 0xee, 0x48, 0xc1, 0xe8, 8, 0xe2, 0xf9],
    // jmp 0b
    &[0xeb, 0xc4],
];

/// Code that reads from RDI, for 1, 2, 4 and 8 bytes, and the same for writing to it.
const READ: [&[u8]; 4] = [&[0x8a, 0x07], &[0x66, 0x8b, 0x07], &[0x8b, 0x07], &[0x48, 0x8b, 0x07]];
const WRITE: [&[u8]; 4] = [&[0x88, 0x07], &[0x66, 0x89, 0x07], &[0x89, 0x07], &[0x48, 0x89, 0x07]];

/// Code that writes AL to the port in EDI, and what ends every code.
const OUT: &[u8] = &[0x89, 0xfa, 0xee];
const RETURN: u8 = 0xc3;

/// How long the end of a run may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The guest and the program that runs it; both end with the test, also with one that fails.
pub(crate) struct Guest {
    vmm: Child,
    orders: ChildStdin,
    answers: ChildStdout,
}

impl Guest {
    /// Boots with those options of `run`. The name is that of the kernel's file.
    pub(crate) fn boot(name: &str, options: &[&str]) -> Guest {
        let kernel = temporary(&format!("{name}.kernel"));
        fs::write(&kernel, bzimage(&CODE.concat())).unwrap();
        let mut command = program(&["run", "--kernel", kernel.to_str().unwrap()]);
        command.args(options).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut vmm = command.spawn().unwrap();
        let (orders, answers) = (vmm.stdin.take().unwrap(), vmm.stdout.take().unwrap());
        Guest { vmm, orders, answers }
    }

    /// Reads so many bytes by one access.
    pub(crate) fn read(&mut self, address: u64, width: usize) -> u64 {
        self.order(READ[width.trailing_zeros() as usize], address, 0);
        self.answer()
    }

    /// Writes so many bytes by one access.
    pub(crate) fn write(&mut self, address: u64, width: usize, value: u64) {
        self.order(WRITE[width.trailing_zeros() as usize], address, value);
        self.answer();
    }

    /// Writes 8 bytes so many times, one behind the other.
    pub(crate) fn fill(&mut self, address: u64, count: u16, value: u64) {
        // mov cx, count; rep stosq
        let [low, high] = count.to_le_bytes();
        self.order(&[0x66, 0xb9, low, high, 0xf3, 0x48, 0xab], address, value);
        self.answer();
    }

    /// Switches the machine off, and waits until the program ends. On stdout is what nobody asked for.
    pub(crate) fn power_off(self) -> Output {
        self.end_by(OUT, 0x600, 0x34)
    }

    /// Ends the machine by one access that writes so many bytes, and waits until the program ends.
    pub(crate) fn end_by_write(self, (address, width, value): (u64, usize, u64)) -> Output {
        self.end_by(WRITE[width.trailing_zeros() as usize], address, value)
    }

    /// Switches the machine off and, should the program not end by that, presses Ctrl-C.
    pub(crate) fn power_off_and_interrupt(mut self) -> Output {
        self.order(OUT, 0x600, 0x34);
        sleep(Duration::from_millis(500));
        signals::send("INT", self.vmm.id());
        self.ended()
    }

    fn end_by(mut self, code: &[u8], rdi: u64, rax: u64) -> Output {
        self.order(code, rdi, rax);
        self.ended()
    }

    /// Waits until the program ends.
    fn ended(mut self) -> Output {
        let deadline = Instant::now() + PATIENCE;
        while self.vmm.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "the machine ends");
            sleep(Duration::from_millis(5));
        }
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        self.answers.read_to_end(&mut stdout).unwrap();
        self.vmm.stderr.take().unwrap().read_to_end(&mut stderr).unwrap();
        Output { status: self.vmm.wait().unwrap(), stdout, stderr }
    }

    /// Has the guest execute code with these values in RDI and RAX.
    fn order(&mut self, code: &[u8], rdi: u64, rax: u64) {
        let mut order = [RETURN; ORDER];
        order[..code.len()].copy_from_slice(code);
        order[8..16].copy_from_slice(&rdi.to_le_bytes());
        order[16..].copy_from_slice(&rax.to_le_bytes());
        self.orders.write_all(&order).unwrap();
    }

    /// Returns what is in RAX after the code.
    fn answer(&mut self) -> u64 {
        let mut rax = [0; 8];
        self.answers.read_exact(&mut rax).unwrap();
        u64::from_le_bytes(rax)
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // It has ended already where the test did not fail.
        let _ = self.vmm.kill();
        let _ = self.vmm.wait();
    }
}
