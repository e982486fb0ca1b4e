//! The VMM's machine, with a guest that goes from one to the next.

mod arch;
#[cfg(any(target_arch = "aarch64", target_arch = "riscv64"))]
#[path = "attributes.rs"]
mod attributes;
mod bus;
mod confine;
mod console;
mod guest;
mod hvc;
#[cfg_attr(target_arch = "x86_64", path = "irqchip/x86_64.rs")]
#[cfg_attr(target_arch = "aarch64", path = "irqchip/aarch64.rs")]
#[cfg_attr(target_arch = "riscv64", path = "irqchip/riscv64.rs")]
mod irqchip;
mod last_words;
mod loader;
mod memory;
mod metrics;
#[path = "moving.rs"]
mod moving;
mod output;
mod pci;
mod serial;
mod signals;
mod terminal;
mod threads;
mod timings;
mod trace;
mod vcpu;
mod virtio;
mod vm;
mod wires;

pub(crate) use self::moving::run;
