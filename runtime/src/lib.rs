//! Typed, table-driven CPU state for KVM.
//!
//! Every register that Linux exposes by `KVM_GET_ONE_REG` and `KVM_SET_ONE_REG` is a constant here, generated from the
//! tables of this project: its architecture, value type (so its width) and access live in its type.
//!
//! ```
//! use onereg::arm64::{SCTLR_EL1, SctlrEl1};
//!
//! assert_eq!(SCTLR_EL1.id(), Some(0x6030_0000_0013_c080));
//! let sctlr = SctlrEl1::new(0x30d0_198d);
//! assert!(sctlr.m());
//! assert_eq!(sctlr.with_m(false).bits(), 0x30d0_198c);
//! ```
//!
//! Reading order: [`Reg`] (a register), [`Registers`] (something whose registers can be read and written), the module
//! of an architecture, [`Table`] (registers looked up at run time), `VcpuState` (a whole vCPU, captured and restored).
//!
//! All architectures compile on every host; only [`kvm`] needs Linux. With `default-features = false` the crate is
//! `no_std` and has no dependency: the registers alone.
//!
//! | feature | gives |
//! |---|---|
//! | `kvm` (default) | register I/O and complete state of vCPUs |
//! | `all-archs` (default) | registers of every architecture |
//! | `arm64`, `loongarch`, `mips`, `powerpc`, `riscv`, `s390`, `x86` | those of one; to I/O on a host belongs that of the host |
//! | `macros` | `registers!` and `#[derive(RegisterSet)]` |
//!
//! `default-features = false, features = ["arm64"]` compiles in about a third of the time of all architectures, `x86` in
//! a quarter, each other one in a sixth or less. Where no feature names an architecture there are all of them, until
//! another crate of the same build names one: a library names those that it uses, or `all-archs`.

#![cfg_attr(not(feature = "kvm"), no_std)]

// Generated code names this crate by its absolute path, here as anywhere else.
extern crate self as onereg;

#[cfg(feature = "kvm")]
mod batch;
mod bits;
#[cfg(feature = "kvm")]
mod bulk;
mod error;
mod explain;
#[cfg(all(feature = "kvm", target_os = "linux"))]
pub mod kvm;
#[cfg(feature = "kvm")]
mod memory;
#[cfg(feature = "kvm")]
mod msr;
#[cfg(feature = "kvm")]
#[allow(dead_code, reason = "only KVM asks what crosses together")]
mod plan;
#[cfg(feature = "kvm")]
mod recorder;
mod register;
mod registers;
#[cfg(feature = "kvm")]
mod set;
#[cfg(feature = "kvm")]
mod state;
mod table;
mod value;

#[cfg(feature = "kvm")]
pub use batch::{Batch, ReadBatch, WriteBatch};
pub use bits::{Field, FieldKind, FieldValue, Layout, Piece, Safe};
#[cfg(feature = "kvm")]
pub use bulk::{BulkError, Failure, OnFailure, Report};
pub use error::{Error, ErrorKind, Operation};
#[cfg(feature = "kvm")]
pub use memory::{Faulty, Memory};
#[cfg(feature = "kvm")]
pub use plan::{Plan, Slot};
#[cfg(feature = "kvm")]
pub use recorder::{Change, Recorder};
pub use register::{
    Arch, Kind, Place, ReadOnly, ReadWrite, Readable, Reg, Writable, WriteOnly, WrongType,
};
pub use registers::{Host, Registers};
#[cfg(feature = "kvm")]
pub use set::{RegisterSet, WritableSet};
#[cfg(feature = "kvm")]
pub use state::{
    Capture, CaptureError, Concern, Difference, FieldDifference, FormatError, HostProfile, Origin,
    Outcome, Present, Refusal, RestoreError, RestoreOptions, Restored, Saved, StateFile, Unknown,
    VcpuState, Verdict, VmWide, writable_bits,
};
pub use table::{
    Access, Carrier, Class, Digits, Errno, Group, GroupPart, Info, Ioctl, Listed, Row, Scope,
    Table, Width, WriteRule,
};
pub use value::{Ulong, Value, Vlenb};

#[doc(hidden)]
pub use bits::support;
#[cfg(feature = "kvm")]
#[doc(hidden)]
pub use set::support as set_support;

/// ```
/// use onereg::arm64::Spsr;
/// use onereg::{Arm64, Host, Memory, RegisterSet, WritableSet};
///
/// #[derive(RegisterSet)]
/// #[registers(onereg::arm64)]
/// struct Entry {
///     pc: u64,
///     #[register(X[0])]
///     device_tree: u64,
///     pstate: Spsr,
/// }
///
/// let vcpu = Memory::<Arm64>::new(Host::LP64);
/// let mut entry = Entry::read(&vcpu)?;
/// entry.pc = 0x8000_0000;
/// entry.write(&vcpu)?;
/// # Ok::<(), onereg::BulkError>(())
/// ```
#[cfg(all(feature = "macros", feature = "kvm"))]
pub use onereg_macros::RegisterSet;
#[cfg(feature = "macros")]
pub use onereg_macros::registers;

bits_types!();

include!(concat!(env!("OUT_DIR"), "/arches.rs"));
