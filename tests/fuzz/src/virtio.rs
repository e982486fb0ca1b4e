//! Queues and requests of virtio devices: a driver that puts anything into them.

#![expect(dead_code, reason = "the machine around the devices is not here")]

use arbtest::arbitrary::Unstructured;

// The folder is a link to the VMM's own.
#[allow(unused_imports, reason = "there are no metrics here")]
mod balloon;
#[allow(unused_imports, reason = "disks are in files where there is a machine")]
mod block;
mod chain;
mod console;
mod control;
mod device;
mod fault;
mod hostile;
mod interrupt;
mod queues;
mod rng;
mod socket_file;
mod testing;
mod vsock;

/// Does to devices what the input says; they serve again after a reset.
pub fn devices(input: &[u8]) {
    for is_read_only in [false, true] {
        // An input that ends early has said what it could.
        let _ = hostile::torment_disk(&mut Unstructured::new(input), is_read_only);
    }
    let _ = hostile::torment_entropy(&mut Unstructured::new(input));
    let _ = hostile::console::torment_console(&mut Unstructured::new(input));
    let _ = hostile::torment_balloon(&mut Unstructured::new(input));
}

/// Does to sockets, at both ends, what the input says; they serve again after a reset.
pub fn sockets(input: &[u8]) {
    let _ = hostile::vsock::torment_vsock(&mut Unstructured::new(input));
}
