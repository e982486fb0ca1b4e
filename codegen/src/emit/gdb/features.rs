//! The features that gdb defines: the registers that they must have, and what these are called in the tables.

/// An architecture of gdb's.
pub(super) struct Target {
    /// Its name there.
    pub(super) architecture: &'static str,
    /// The features, without `org.gnu.gdb.`, each with its registers in order.
    pub(super) features: &'static [(&'static str, &'static [Run])],
}

/// Registers that follow each other: gdb's names, bits (0 for XLEN), gdb's type, the tables' names.
///
/// Names are separated by spaces, and `x0..30` is 31 of them. Without names in the tables KVM has none of them as gdb
/// wants it.
pub(super) struct Run(&'static str, u32, &'static str, &'static str);

/// A register that gdb knows.
pub(super) struct Known {
    pub(super) name: String,
    pub(super) bits: u32,
    pub(super) kind: &'static str,
    /// Its name in the tables; empty where they have none.
    pub(super) ours: String,
}

impl Run {
    /// Lists the registers on a host of this XLEN.
    pub(super) fn registers(&self, xlen: u32) -> impl Iterator<Item = Known> {
        let Run(names, bits, kind, ours) = self;
        let bits = if *bits == 0 { xlen } else { *bits };
        let ours = expanded(ours).map(Some).chain(std::iter::repeat(None));
        expanded(names).zip(ours).map(move |(name, ours)| Known {
            name,
            bits,
            kind,
            ours: ours.unwrap_or_default(),
        })
    }
}

/// Expands `ra x2..3` to `ra`, `x2`, `x3`.
fn expanded(names: &'static str) -> impl Iterator<Item = String> {
    names.split_whitespace().flat_map(|word| {
        let stem = word.split("..").next().unwrap_or_default();
        let prefix = stem.trim_end_matches(|c: char| c.is_ascii_digit());
        let number = |text: &str| text.parse::<u32>().ok();
        let range = word
            .split_once("..")
            .and_then(|(_, last)| Some(number(&stem[prefix.len()..])?..=number(last)?));
        match range {
            Some(range) => range.map(|index| format!("{prefix}{index}")).collect(),
            None => vec![word.to_owned()],
        }
    })
}

/// Finds what gdb knows of an architecture, by the name that its ids are listed under.
pub(super) fn target(name: &str) -> Option<Target> {
    let (architecture, features) = match name {
        "arm64" => ("aarch64", ARM64),
        "loongarch" => ("Loongarch64", LOONGARCH),
        "mips" => ("mips:isa64r2", MIPS),
        "powerpc" => ("powerpc:common64", POWERPC),
        "riscv32" => ("riscv:rv32", RISCV),
        "riscv64" => ("riscv:rv64", RISCV),
        "s390" => ("s390:64-bit", S390),
        "x86" => ("i386:x86-64", X86),
        _ => return None,
    };
    Some(Target { architecture, features })
}

type Features = &'static [(&'static str, &'static [Run])];

const ARM64: Features = &[
    (
        "aarch64.core",
        &[
            Run("x0..30", 64, "uint64", "X0..30"),
            Run("sp", 64, "data_ptr", "SP"),
            Run("pc", 64, "code_ptr", "PC"),
            Run("cpsr", 32, "uint32", "PSTATE"),
        ],
    ),
    (
        "aarch64.fpu",
        &[Run("v0..31", 128, "vec128", "V0..31"), Run("fpsr fpcr", 32, "uint32", "FPSR FPCR")],
    ),
];

const LOONGARCH: Features = &[(
    "loongarch.base",
    &[
        Run("r0..31", 64, "uint64", "GPR0..31"),
        Run("orig_a0", 64, "uint64", ""),
        Run("pc", 64, "code_ptr", "PC"),
        Run("badv", 64, "code_ptr", "CSR_BADV"),
    ],
)];

const MIPS: Features = &[
    ("mips.cpu", &[Run("r0..31 lo hi pc", 64, "uint64", "R0..31 LO HI PC")]),
    (
        "mips.cp0",
        &[
            Run("status", 32, "uint32", "CP0_STATUS"),
            Run("badvaddr", 64, "uint64", "CP0_BADVADDR"),
            Run("cause", 32, "uint32", "CP0_CAUSE"),
        ],
    ),
    (
        "mips.fpu",
        &[
            Run("f0..31", 64, "ieee_double", "FPR_64_0..31"),
            // Of these gdb shows no fields.
            Run("fcsr fir", 32, "uint32", ""),
        ],
    ),
];

const POWERPC: Features = &[
    (
        "power.core",
        &[
            Run("r0..31", 64, "uint64", "GPR0..31"),
            Run("pc", 64, "code_ptr", "PC"),
            Run("msr", 64, "uint64", "MSR"),
            Run("cr", 32, "uint32", "CR"),
            Run("lr", 64, "code_ptr", "LR"),
            Run("ctr", 64, "uint64", "CTR"),
            Run("xer", 32, "uint32", "XER"),
        ],
    ),
    (
        "power.fpu",
        &[Run("f0..31", 64, "ieee_double", "FPR0..31"), Run("fpscr", 64, "uint64", "FPSCR")],
    ),
    (
        "power.altivec",
        &[
            Run("vr0..31", 128, "vec128", "VR0..31"),
            Run("vscr vrsave", 32, "uint32", "VSCR VRSAVE"),
        ],
    ),
];

const RISCV: Features = &[
    (
        "riscv.cpu",
        &[
            Run("zero", 0, "int", ""),
            Run("ra", 0, "code_ptr", "ra"),
            Run("sp gp tp", 0, "data_ptr", "sp gp tp"),
            Run("t0..2", 0, "int", "t0..2"),
            Run("fp", 0, "data_ptr", "s0"),
            Run("s1 a0..7 s2..11 t3..6", 0, "int", "s1 a0..7 s2..11 t3..6"),
            Run("pc", 0, "code_ptr", "pc"),
        ],
    ),
    (
        "riscv.fpu",
        &[Run("f0..31", 64, "ieee_double", "FP_D_F0..31"), Run("fcsr", 32, "uint32", "FP_D_FCSR")],
    ),
];

const S390: Features = &[
    ("s390.core", &[Run("pswm pswa", 64, "uint64", ""), Run("r0..15", 64, "uint64", "GPR0..15")]),
    ("s390.acr", &[Run("acr0..15", 32, "uint32", "ACR0..15")]),
    ("s390.fpr", &[Run("fpc", 32, "uint32", "FPC"), Run("f0..15", 64, "ieee_double", "FPR0..15")]),
];

const X86: Features = &[
    (
        "i386.core",
        &[
            Run("rax rbx rcx rdx rsi rdi", 64, "int64", "RAX RBX RCX RDX RSI RDI"),
            Run("rbp rsp", 64, "data_ptr", "RBP RSP"),
            Run("r8..15", 64, "int64", "R8..15"),
            Run("rip", 64, "code_ptr", "RIP"),
            Run("eflags", 32, "uint32", "RFLAGS"),
            Run(
                "cs ss ds es fs gs",
                32,
                "int32",
                "CS_SELECTOR SS_SELECTOR DS_SELECTOR ES_SELECTOR FS_SELECTOR GS_SELECTOR",
            ),
            Run("st0..7", 80, "i387_ext", "FPR0..7"),
            Run("fctrl fstat", 32, "int", "FCW FSW"),
            Run("ftag fiseg fioff foseg fooff", 32, "int", ""),
            Run("fop", 32, "int", "LAST_OPCODE"),
        ],
    ),
    (
        "i386.sse",
        &[Run("xmm0..15", 128, "vec128", "XMM0..15"), Run("mxcsr", 32, "uint32", "XSAVE_MXCSR")],
    ),
    ("i386.segments", &[Run("fs_base gs_base", 64, "int64", "FS_BASE GS_BASE")]),
];
