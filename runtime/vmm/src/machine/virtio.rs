//! Virtio devices: the queues and the state machine that all share, the transports, and the devices.

mod balloon;
mod block;
mod chain;
mod console;
mod control;
mod device;
mod fault;
#[cfg(test)]
mod hostile;
mod interrupt;
mod inventory;
mod mmio;
#[cfg(test)]
mod model;
mod net;
mod pci;
mod queues;
mod rng;
mod socket_file;
#[cfg(test)]
mod testing;
mod vsock;
mod worker;

pub(super) use balloon::Setting as Balloon;
pub(super) use console::{Peer, Size, Window};
pub(super) use inventory::{Found, Inventory};
