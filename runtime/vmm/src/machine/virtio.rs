//! Virtio devices: the queues and the state machine that all share, and the devices.

mod chain;
mod control;
mod device;
mod fault;
mod interrupt;
mod queues;
mod rng;
#[cfg(test)]
mod testing;
