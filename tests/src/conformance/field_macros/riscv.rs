//! riscv: `asm/csr.h`, and the enums of extensions.

use super::{Bitmap, Case, Group, Header, Role};

pub(super) const CASE: Case = Case {
    name: "riscv64",
    arch: "riscv",
    xlen: 64,
    config: "#define CONFIG_64BIT 1\n#define __riscv_xlen 64",
    headers: HEADERS,
    bitmaps: BITMAPS,
    values: &[("SATP_MODE_", "MODE")],
    synonyms: &[
        ("SR_UXL_32", "XLEN32"),
        ("SR_UXL_64", "XLEN64"),
        ("SATP_MODE_32", "Sv32"),
        ("SATP_MODE_39", "Sv39"),
        ("SATP_MODE_48", "Sv48"),
        ("SATP_MODE_57", "Sv57"),
    ],
    exceptions: &[
        ("SR_MIE SR_MPIE SR_MPP SR_MPELP", "of mstatus"),
        ("SR_ELP", "SR_SPELP where the kernel runs in supervisor mode"),
        (
            "SR_VS_THEAD SR_VS_OFF_THEAD SR_VS_INITIAL_THEAD SR_VS_CLEAN_THEAD SR_VS_DIRTY_THEAD",
            "of CPUs of T-Head before V 1.0",
        ),
        ("SR_FS_VS", "SR_FS and SR_VS"),
        ("SATP_MODE_SHIFT", "SATP_MODE_* have the place too"),
        ("SATP_ASID_MASK", "of the shifted value; SATP_ASID_SHIFT and _BITS are compared"),
        ("IRQ_VS_SOFT IRQ_VS_TIMER IRQ_VS_EXT IRQ_S_GEXT", "of hie and hip"),
        ("IRQ_M_SOFT IRQ_M_TIMER IRQ_M_EXT", "of mie and mip"),
        ("IRQ_LOCAL_MAX IRQ_LOCAL_MASK", "how many there are"),
        ("ENVCFG_STCE ENVCFG_PBMTE ENVCFG_ADUE", "of menvcfg and henvcfg"),
    ],
    left_out: &[],
    unnamed: &[
        ("MXR SDT UBE", "sstatus"),
        ("Exception_Code", "scause"),
        ("LOCAL", "sie"),
        ("LOCAL", "sip"),
    ],
};

pub(super) const CASE32: Case = Case {
    name: "riscv32",
    xlen: 32,
    config: "#define __riscv_xlen 32",
    left_out: &[(
        "ENVCFG_PMM ENVCFG_PMM_PMLEN_0 ENVCFG_PMM_PMLEN_7 ENVCFG_PMM_PMLEN_16",
        "of XLEN 64",
    )],
    ..CASE
};

const HEADERS: &[Header] = &[Header {
    path: "arch/riscv/include/asm/csr.h",
    suffixes: &[("_SHIFT", Role::Lowest), ("_BITS", Role::Width)],
    groups: &[
        Group::masks("SR_", &["sstatus"]),
        Group::masks("SATP_", &["satp"]),
        Group::masks("CAUSE_", &["scause"]),
        Group::masks("ENVCFG_", &["senvcfg"]),
        Group { prefix: "IRQ_", role: Role::Flag, registers: &["sie", "sip"] },
    ],
}];

const KVM_H: &str = "arch/riscv/include/uapi/asm/kvm.h";

const BITMAPS: &[Bitmap] = &[
    Bitmap {
        path: KVM_H,
        name: "KVM_RISCV_ISA_EXT_ID",
        words: &[
            isa(&["ISA_MULTI_EN0", "ISA_MULTI_DIS0"]),
            isa(&["ISA_MULTI_EN1", "ISA_MULTI_DIS1"]),
            isa(&["ISA_MULTI_EN2", "ISA_MULTI_DIS2"]),
        ],
    },
    Bitmap {
        path: KVM_H,
        name: "KVM_RISCV_SBI_EXT_ID",
        words: &[Group::masks("KVM_RISCV_SBI_EXT_", &["SBI_MULTI_EN0", "SBI_MULTI_DIS0"])],
    },
];

const fn isa(registers: &'static [&'static str]) -> Group {
    Group::masks("KVM_RISCV_ISA_EXT_", registers)
}
