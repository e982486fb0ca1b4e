//! s390: `asm/ctlreg.h`.

use super::{Case, Group, Header, Role};

pub(super) const CASE: Case = Case {
    name: "s390",
    arch: "s390",
    xlen: 64,
    config: "",
    headers: HEADERS,
    bitmaps: &[],
    values: &[],
    synonyms: &[],
    exceptions: &[],
    left_out: &[],
    unnamed: &[
        (
            "AFP_REGISTER ASN_LX_REUSE CRYPTO EXTRACTION_AUTHORITY PIFO SECONDARY_SPACE SSM_SUPPRESSION TOD_CLOCK_SYNC TRACE_TOD_CLOCK",
            "CR0",
        ),
        ("DUCTO TDC TDS", "CR2"),
        ("AFTO ASN_TRANSLATION TOD_CLOCK_OVERRIDE", "CR14"),
    ],
};

const HEADERS: &[Header] = &[Header {
    path: "arch/s390/include/asm/ctlreg.h",
    suffixes: &[("_BIT", Role::Flag)],
    groups: &[
        Group::masks("CR0_", &["CR0"]),
        Group::masks("CR2_", &["CR2"]),
        Group::masks("CR14_", &["CR14"]),
    ],
}];
