//! What a host profile has beyond registers and capabilities.

use std::collections::BTreeMap;

use serde::Serialize;

/// What a host says of itself beyond the registers of a vCPU; each on the architectures that have it.
#[derive(Debug, Default, Serialize)]
pub(crate) struct About {
    /// Registers by name, with the bits in hex that can be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) writable: Option<BTreeMap<&'static str, String>>,
    /// MSRs that describe the host, by name, with their values in hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) features: Option<BTreeMap<String, Option<String>>>,
    /// CPUID that KVM supports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cpuid: Option<Vec<CpuidEntry>>,
}

/// A leaf of CPUID, in hex.
#[derive(Debug, Serialize)]
pub(crate) struct CpuidEntry {
    pub(crate) function: String,
    pub(crate) index: String,
    pub(crate) eax: String,
    pub(crate) ebx: String,
    pub(crate) ecx: String,
    pub(crate) edx: String,
}
