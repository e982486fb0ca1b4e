//! What names bits of x86's registers.

use super::{Bits, Case, Header};

pub(super) const CASE: Case =
    Case { arch: "x86", prelude: PRELUDE, headers: HEADERS, exceptions: EXCEPTIONS };

/// What the headers take from others, as `linux/bits.h`.
const PRELUDE: &str = "
#define BIT(n) (1UL << (n))
#define BIT_ULL(n) (1ULL << (n))
#define _BITUL(n) (1UL << (n))
#define _BITULL(n) (1ULL << (n))
#define _AC(value, suffix) value##suffix
#define GENMASK(high, low) (~0UL >> (63 - (high)) & ~0UL << (low))
#define GENMASK_ULL(high, low) GENMASK(high, low)
#define __GENMASK(high, low) GENMASK(high, low)
#define __packed __attribute__((packed))
typedef unsigned long long u64;
";

const HEADERS: &[Header] = &[
    Header {
        path: "arch/x86/include/uapi/asm/processor-flags.h",
        uses: None,
        numbers: &["_BIT"],
        registers: &[
            Bits::new("X86_EFLAGS_", "RFLAGS"),
            Bits::new("X86_CR0_", "CR0"),
            Bits::new("X86_CR3_", "CR3"),
            Bits::new("X86_CR4_", "CR4"),
            Bits::new("X86_CR8_", "CR8"),
        ],
    },
    Header {
        path: "arch/x86/include/uapi/asm/debugreg.h",
        uses: None,
        numbers: &[],
        registers: &[
            Bits::new("DR_TRAP", "DR6"),
            Bits::new("DR_BUS_LOCK", "DR6"),
            Bits::new("DR_STEP", "DR6"),
            Bits::new("DR_SWITCH", "DR6"),
            Bits::new("DR_LOCAL_SLOWDOWN", "DR7"),
            Bits::new("DR_GLOBAL_SLOWDOWN", "DR7"),
        ],
    },
    Header {
        path: "arch/x86/include/asm/msr-index.h",
        uses: None,
        numbers: &["_BIT", "_IDX", "_BIT_EE"],
        registers: &[
            Bits::new("EFER_", "EFER"),
            Bits::new("SPEC_CTRL_", "IA32_SPEC_CTRL"),
            Bits::new("MSR_PLATFORM_INFO_", "PLATFORM_INFO"),
            Bits::new("MSR_IA32_UMWAIT_CONTROL_", "IA32_UMWAIT_CONTROL"),
            Bits::new("ARCH_CAP_", "IA32_ARCH_CAPABILITIES"),
            Bits::new("TSX_CTRL_", "IA32_TSX_CTRL"),
            Bits::new("MSR_IA32_POWER_CTL_", "IA32_POWER_CTL"),
            Bits::new("PERF_CAP_", "IA32_PERF_CAPABILITIES"),
            Bits::new("RTIT_CTL_", "IA32_RTIT_CTL"),
            Bits::new("RTIT_STATUS_", "IA32_RTIT_STATUS"),
            Bits::new("DEBUGCTLMSR_", "IA32_DEBUGCTLMSR"),
            Bits::new("CET_", "IA32_S_CET"),
            Bits::new("MSR_AMD64_DE_CFG_", "AMD64_DE_CFG"),
            Bits::new("MSR_K7_HWCR_", "K7_HWCR"),
            Bits::new("FEAT_CTL_", "IA32_FEAT_CTL"),
            Bits::new("MSR_IA32_BNDCFGS_", "IA32_BNDCFGS"),
            Bits::new("MSR_IA32_APICBASE_", "IA32_APICBASE"),
            Bits::new("MSR_IA32_MISC_ENABLE_", "IA32_MISC_ENABLE"),
            Bits::new("MSR_MISC_FEATURES_ENABLES_", "MISC_FEATURES_ENABLES"),
            Bits::new("MSR_CORE_PERF_GLOBAL_OVF_CTRL_", "CORE_PERF_GLOBAL_OVF_CTRL"),
            Bits::new("SVM_VM_CR_", "VM_CR"),
        ],
    },
    Header {
        path: "arch/x86/include/asm/perf_event.h",
        uses: None,
        numbers: &["_BIT"],
        registers: &[
            Bits::new("ARCH_PERFMON_EVENTSEL_", "ARCH_PERFMON_EVENTSEL{0..7}"),
            Bits::new("HSW_", "ARCH_PERFMON_EVENTSEL{0..7}"),
            Bits::new("ICL_EVENTSEL_", "ARCH_PERFMON_EVENTSEL{0..7}"),
            Bits::new("INTEL_FIXED_0_", "CORE_PERF_FIXED_CTR_CTRL"),
            Bits::new("ICL_FIXED_0_", "CORE_PERF_FIXED_CTR_CTRL"),
            Bits::new("AMD64_EVENTSEL_", "F15H_PERF_CTL{0..5}"),
            Bits::new("PEBS_DATACFG_", "PEBS_DATA_CFG"),
            Bits::new("GLOBAL_STATUS_", "CORE_PERF_GLOBAL_STATUS"),
            Bits::new("GLOBAL_CTRL_", "CORE_PERF_GLOBAL_CTRL"),
        ],
    },
    Header {
        path: "arch/x86/include/asm/mce.h",
        uses: None,
        numbers: &[],
        registers: &[
            Bits::new("MCG_", "IA32_MCG_CAP"),
            Bits::new("MCG_STATUS_", "IA32_MCG_STATUS"),
            Bits::new("MCG_EXT_CTL_", "IA32_MCG_EXT_CTL"),
            Bits::new("MCI_STATUS_", "IA32_MC{0..31}_STATUS"),
            Bits::new("MCI_CTL2_", "IA32_MC{0..31}_CTL2"),
        ],
    },
    Header {
        path: "arch/x86/include/asm/vmx.h",
        uses: Some("arch/x86/include/asm/vmxfeatures.h"),
        numbers: &[],
        registers: &[
            Bits::upper("PIN_BASED_", "IA32_VMX_TRUE_PINBASED_CTLS"),
            Bits::upper("CPU_BASED_", "IA32_VMX_TRUE_PROCBASED_CTLS"),
            Bits::upper("SECONDARY_EXEC_", "IA32_VMX_PROCBASED_CTLS2"),
            Bits::upper("VM_EXIT_", "IA32_VMX_TRUE_EXIT_CTLS"),
            Bits::upper("VM_ENTRY_", "IA32_VMX_TRUE_ENTRY_CTLS"),
            Bits::new("VMX_BASIC_", "IA32_VMX_BASIC"),
            Bits::new("VMX_MISC_", "IA32_VMX_MISC"),
            Bits::new("VMX_VMFUNC_", "IA32_VMX_VMFUNC"),
            Bits::new("VMX_EPT_EXECUTE_ONLY", "IA32_VMX_EPT_VPID_CAP"),
            Bits::new("VMX_EPT_PAGE_WALK_", "IA32_VMX_EPT_VPID_CAP"),
            Bits::new("VMX_EPTP_UC", "IA32_VMX_EPT_VPID_CAP"),
            Bits::new("VMX_EPTP_WB", "IA32_VMX_EPT_VPID_CAP"),
            Bits::new("VMX_EPT_2MB", "IA32_VMX_EPT_VPID_CAP"),
            Bits::new("VMX_EPT_1GB", "IA32_VMX_EPT_VPID_CAP"),
            Bits::new("VMX_EPT_INVEPT", "IA32_VMX_EPT_VPID_CAP"),
            Bits::new("VMX_EPT_AD", "IA32_VMX_EPT_VPID_CAP"),
            Bits::new("VMX_EPT_EXTENT_CONTEXT_", "IA32_VMX_EPT_VPID_CAP"),
            Bits::new("VMX_EPT_EXTENT_GLOBAL_", "IA32_VMX_EPT_VPID_CAP"),
            Bits::upper("VMX_VPID_INVVPID", "IA32_VMX_EPT_VPID_CAP"),
            Bits::upper("VMX_VPID_EXTENT_INDIVIDUAL_ADDR_", "IA32_VMX_EPT_VPID_CAP"),
            Bits::upper("VMX_VPID_EXTENT_SINGLE_CONTEXT_", "IA32_VMX_EPT_VPID_CAP"),
            Bits::upper("VMX_VPID_EXTENT_GLOBAL_CONTEXT_", "IA32_VMX_EPT_VPID_CAP"),
            Bits::upper("VMX_VPID_EXTENT_SINGLE_NON_GLOBAL_", "IA32_VMX_EPT_VPID_CAP"),
        ],
    },
    Header {
        path: "arch/x86/include/asm/svm.h",
        uses: None,
        numbers: &[],
        registers: &[Bits::new("SVM_TSC_RATIO_", "AMD64_TSC_RATIO")],
    },
    Header {
        path: "arch/x86/include/asm/fpu/types.h",
        uses: None,
        numbers: &[],
        registers: &[
            Bits::new("XFEATURE_MASK_", "XCR0"),
            Bits::new("XFEATURE_MASK_PT", "IA32_XSS"),
            Bits::new("XFEATURE_MASK_PASID", "IA32_XSS"),
            Bits::new("XFEATURE_MASK_CET_", "IA32_XSS"),
            Bits::new("XFEATURE_MASK_LBR", "IA32_XSS"),
        ],
    },
    Header {
        path: "arch/x86/include/asm/apicdef.h",
        uses: None,
        numbers: &[],
        registers: &[
            Bits::new("APIC_LVR_", "APIC_LVR"),
            Bits::new("APIC_SPIV_", "APIC_SPIV"),
            Bits::new("APIC_ESR_", "APIC_ESR"),
            Bits::new("APIC_ICR_", "APIC_ICR"),
            Bits::new("APIC_LVT_", "APIC_LVT0"),
            Bits::new("APIC_INPUT_", "APIC_LVT0"),
            Bits::new("APIC_SEND_", "APIC_LVT0"),
            Bits::new("APIC_MODE_MASK", "APIC_LVT0"),
        ],
    },
    Header {
        path: "arch/x86/include/uapi/asm/kvm.h",
        uses: None,
        numbers: &[],
        registers: &[
            Bits::new("KVM_VCPUEVENT_VALID_", "EVENTS_FLAGS"),
            Bits::new("KVM_X86_SHADOW_INT_", "INTERRUPT_SHADOW"),
            Bits::new("KVM_SREGS2_FLAGS_", "SREGS2_FLAGS"),
        ],
    },
    Header {
        path: "arch/x86/include/uapi/asm/kvm_para.h",
        uses: None,
        numbers: &[],
        registers: &[
            Bits::new("KVM_ASYNC_PF_", "KVM_ASYNC_PF_EN"),
            Bits::new("KVM_ASYNC_PF_VEC_", "KVM_ASYNC_PF_INT"),
            Bits::new("KVM_STEAL_", "KVM_STEAL_TIME"),
        ],
    },
    Header {
        path: "include/hyperv/hvgdk_mini.h",
        uses: None,
        numbers: &[],
        registers: &[
            Bits::new("HV_CRASH_CTL_", "HV_X64_MSR_CRASH_CTL"),
            Bits::new("HV_X64_MSR_HYPERCALL_", "HV_X64_MSR_HYPERCALL"),
            Bits::new("HV_X64_MSR_VP_ASSIST_PAGE_", "HV_X64_MSR_VP_ASSIST_PAGE"),
            Bits::new("union hv_x64_msr_hypercall_contents", "HV_X64_MSR_HYPERCALL"),
            Bits::new("union hv_reference_tsc_msr", "HV_X64_MSR_REFERENCE_TSC"),
            Bits::new("union hv_vp_assist_msr_contents", "HV_X64_MSR_VP_ASSIST_PAGE"),
            Bits::new("union hv_synic_simp", "HV_X64_MSR_SIMP"),
            Bits::new("union hv_synic_sint", "HV_X64_MSR_SINT{0..15}"),
            Bits::new("union hv_stimer_config", "HV_X64_MSR_STIMER0_CONFIG"),
            Bits::new("struct hv_reenlightenment_control", "HV_X64_MSR_REENLIGHTENMENT_CONTROL"),
            Bits::new("struct hv_tsc_emulation_status", "HV_X64_MSR_TSC_EMULATION_STATUS"),
            Bits::new("struct hv_tsc_emulation_control", "HV_X64_MSR_TSC_EMULATION_CONTROL"),
        ],
    },
    Header {
        path: "arch/x86/kvm/hyperv.h",
        uses: None,
        numbers: &[],
        registers: &[Bits::new("HV_X64_SYNDBG_OPTION_", "HV_X64_MSR_SYNDBG_OPTIONS")],
    },
];

/// What is no field.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("X86_CR3_PWT", "without PCIDs, a bit of what is the PCID with them"),
    ("X86_CR3_PCD", "without PCIDs, a bit of what is the PCID with them"),
    ("X86_CR3_PCID_BITS", "a width"),
    ("X86_CR3_PCID_NOFLUSH", "asks a write for something, and is not kept"),
    ("DR_TRAP_BITS", "several fields"),
    ("SPEC_CTRL_MITIGATIONS_MASK", "several fields"),
    ("PERF_CAP_PEBS_MASK", "several fields"),
    ("MSR_IA32_APICBASE_BASE", "a number of 32 bits, extended by its sign"),
    ("SVM_VM_CR_VALID_MASK", "several fields"),
    ("INTEL_FIXED_0_KERNEL", "a value of EN0"),
    ("INTEL_FIXED_0_USER", "a value of EN0"),
    ("AMD64_EVENTSEL_INT_CORE_ENABLE", "of northbridge counters, which KVM has not"),
    ("AMD64_EVENTSEL_INT_CORE_SEL_MASK", "of northbridge counters, which KVM has not"),
    ("AMD64_EVENTSEL_HOST_GUEST_MASK", "several fields"),
    ("PEBS_DATACFG_CNTR_MASK", "the mask of a number that is shifted"),
    ("PEBS_DATACFG_FIX_MASK", "the mask of a number that is shifted"),
    ("MCI_STATUS_PADDRV", "AMD's, half of what is TES for Intel"),
    ("MCI_STATUS_SYNDV", "AMD's, half of what is TES for Intel"),
    ("MCI_STATUS_DEFERRED", "AMD's, in what is CEC for Intel"),
    ("MCI_STATUS_POISON", "AMD's, in what is CEC for Intel"),
    ("MCI_STATUS_SCRUB", "AMD's, in what is CEC for Intel"),
    ("CPU_BASED_ALWAYSON_WITHOUT_TRUE_MSR", "a value"),
    ("PIN_BASED_ALWAYSON_WITHOUT_TRUE_MSR", "a value"),
    ("VM_EXIT_ALWAYSON_WITHOUT_TRUE_MSR", "a value"),
    ("VM_ENTRY_ALWAYSON_WITHOUT_TRUE_MSR", "a value"),
    ("VMX_MISC_MSR_LIST_MULTIPLIER", "a factor"),
    ("SVM_TSC_RATIO_MIN", "a value"),
    ("SVM_TSC_RATIO_MAX", "a value"),
    ("SVM_TSC_RATIO_DEFAULT", "a value"),
    ("XFEATURE_MASK_FPSSE", "several fields"),
    ("XFEATURE_MASK_AVX512", "several fields"),
    ("APIC_LVR_MASK", "several fields"),
    ("APIC_ICR_RR_INVALID", "a value of RR"),
    ("APIC_ICR_RR_INPROG", "a value of RR"),
    ("APIC_ICR_RR_VALID", "a value of RR"),
    ("APIC_LVT_TIMER_ONESHOT", "a value of TIMER_MODE"),
    ("APIC_LVT_TIMER_PERIODIC", "a value of TIMER_MODE"),
    ("APIC_LVT_TIMER_TSCDEADLINE", "a value of TIMER_MODE"),
    ("KVM_STEAL_ALIGNMENT_BITS", "a width"),
    ("hv_x64_msr_hypercall_contents.RESERVED", "has LOCKED, which the specification names"),
];
