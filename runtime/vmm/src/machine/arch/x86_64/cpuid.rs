//! What CPUID says to a guest: what KVM supports, and which CPU of how many this one is.

use kvm_bindings::{KVM_CPUID_FLAG_SIGNIFCANT_INDEX, kvm_cpuid_entry2};

/// Leaf 1, ECX: the timer of the local APIC takes a time stamp; there is a hypervisor. EDX: there may be more CPUs.
const TSC_DEADLINE: u32 = 1 << 24;
const HYPERVISOR: u32 = 1 << 31;
const MORE_CPUS: u32 = 1 << 28;

/// Leaves that describe the topology: the one that is written anew, and those of the host alone.
const EXTENDED_TOPOLOGY: u32 = 0xb;
const NEXT_TOPOLOGY: u32 = 0x1f;
const AMD_TOPOLOGY: u32 = 0x8000_0026;

/// What a guest would need more for: enclaves, with their leaf and the bits in leaf 7, EBX and ECX; encrypted memory.
const ENCLAVES: u32 = 0x12;
const SGX: u32 = 1 << 2;
const SGX_LAUNCH: u32 = 1 << 30;
const ENCRYPTED_MEMORY: u32 = 0x8000_001f;

/// Kinds of levels in these leaves.
const THREADS: u32 = 1;
const CORES: u32 = 2;

/// Level of the cache that all cores share.
const SHARED_CACHE: u32 = 3;

/// Says of a leaf that it describes the host, or what this guest does not have.
fn is_left_out(leaf: u32) -> bool {
    matches!(leaf, EXTENDED_TOPOLOGY | NEXT_TOPOLOGY | AMD_TOPOLOGY | ENCLAVES | ENCRYPTED_MEMORY)
}

/// Makes of what KVM supports the CPUID of the vCPU `index` of `count`: a core of the one package.
pub(super) fn of_vcpu(
    supported: &[kvm_cpuid_entry2],
    index: u32,
    count: u32,
) -> Vec<kvm_cpuid_entry2> {
    let mut entries: Vec<_> =
        supported.iter().copied().filter(|entry| !is_left_out(entry.function)).collect();
    for entry in &mut entries {
        place(entry, index, count);
    }
    if supported.iter().any(|entry| entry.function == EXTENDED_TOPOLOGY) {
        let level = |number: u32, kind: u32, shift, within| kvm_cpuid_entry2 {
            function: EXTENDED_TOPOLOGY,
            index: number,
            flags: KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
            eax: shift,
            ebx: within,
            ecx: kind << 8 | number,
            edx: index,
            ..Default::default()
        };
        entries.push(level(0, THREADS, 0, 1));
        entries.push(level(1, CORES, bits(count), count));
        entries.push(level(2, 0, 0, 0));
    }
    entries
}

/// Says in one leaf which CPU this is, and what it does not have.
fn place(entry: &mut kvm_cpuid_entry2, index: u32, count: u32) {
    let sharing = |level: u32| if level < SHARED_CACHE { 0 } else { count - 1 };
    match entry.function {
        1 => {
            entry.ebx = entry.ebx & 0xffff | (count << 16) & 0x00ff_0000 | index << 24;
            entry.ecx |= TSC_DEADLINE | HYPERVISOR;
            entry.edx = if count == 1 { entry.edx & !MORE_CPUS } else { entry.edx | MORE_CPUS };
        }
        // Caches of Intel's CPUs, then of AMD's: level in bits 7 to 5, CPUs that share one in bits 25 to 14.
        4 if entry.eax & 0x1f != 0 => {
            let cores = ((1 << bits(count)) - 1) & 0x3f;
            entry.eax = entry.eax & 0x3fff | sharing(entry.eax >> 5 & 7) << 14 | cores << 26;
        }
        7 if entry.index == 0 => {
            entry.ebx &= !SGX;
            entry.ecx &= !SGX_LAUNCH;
        }
        0x8000_001d if entry.eax & 0x1f != 0 => {
            entry.eax = entry.eax & 0x3fff | sharing(entry.eax >> 5 & 7) << 14;
        }
        0x8000_0008 => entry.ecx = entry.ecx & !0xf0ff | (count - 1) & 0xff | bits(count) << 12,
        0x8000_001e => {
            entry.eax = index;
            entry.ebx = index & 0xff;
            entry.ecx = 0;
        }
        _ => {}
    }
}

/// Returns how many bits the numbers of that many CPUs have.
fn bits(count: u32) -> u32 {
    u32::BITS - count.saturating_sub(1).leading_zeros()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(function: u32) -> kvm_cpuid_entry2 {
        kvm_cpuid_entry2 { function, eax: 0xffff_ffff, ebx: 0xffff_ffff, ..Default::default() }
    }

    #[test]
    fn every_vcpu_is_a_core_of_one_package() {
        let supported = [1, 6, 0xb, 0x1f, 0x8000_001e, 0x8000_0026].map(leaf);
        let entries = of_vcpu(&supported, 2, 3);
        let find = |function, index| {
            entries.iter().find(|e| (e.function, e.index) == (function, index)).unwrap()
        };
        assert_eq!(find(1, 0).ebx, 0x0203_ffff);
        assert_eq!(find(1, 0).ecx, TSC_DEADLINE | HYPERVISOR);
        assert_eq!(find(1, 0).edx, MORE_CPUS);
        let cores = find(0xb, 1);
        assert_eq!((cores.eax, cores.ebx, cores.ecx, cores.edx), (2, 3, 0x201, 2));
        assert_eq!(find(0xb, 0).edx, 2);
        assert_eq!(find(0x8000_001e, 0).ebx, 2);
        assert_eq!(*find(6, 0), leaf(6));
        assert!(entries.iter().all(|entry| ![0x1f, 0x8000_0026].contains(&entry.function)));
    }

    #[test]
    fn there_are_no_enclaves_and_no_encrypted_memory() {
        let features = kvm_cpuid_entry2 { ecx: 0xffff_ffff, ..leaf(7) };
        let more = kvm_cpuid_entry2 { index: 1, ..features };
        let entries = of_vcpu(&[features, more, leaf(0x12), leaf(0x8000_001f)], 0, 1);
        let less = kvm_cpuid_entry2 { ebx: 0xffff_fffb, ecx: 0xbfff_ffff, ..features };
        assert_eq!(entries, [less, more]);
    }

    #[test]
    fn one_vcpu_is_alone() {
        let entries = of_vcpu(&[leaf(1)], 0, 1);
        assert_eq!(entries.len(), 1);
        assert_eq!((entries[0].ebx, entries[0].edx), (0x0001_ffff, 0));
        assert_eq!([1, 2, 3, 4, 5, 255].map(bits), [0, 1, 2, 2, 3, 8]);
    }
}
