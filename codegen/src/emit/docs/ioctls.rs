//! The page on the ioctls themselves, in the form that the kernel documents its own in.

use std::fmt::Write as _;

use super::markdown::{table, text};
use crate::model::{Arch, Support};

pub(super) fn page(archs: &[Arch]) -> String {
    let kvm: Vec<_> = archs.iter().filter(|arch| arch.is_kvm()).collect();
    let one_reg = offered(&kvm, |arch| &arch.one_reg);
    let reg_list = offered(&kvm, |arch| &arch.reg_list);
    let mut page = String::from(CAPABILITY);
    section(
        &mut page,
        "KVM_GET_ONE_REG",
        "KVM_CAP_ONE_REG",
        &one_reg,
        "struct kvm_one_reg (in)",
        GET,
    );
    section(
        &mut page,
        "KVM_SET_ONE_REG",
        "KVM_CAP_ONE_REG",
        &one_reg,
        "struct kvm_one_reg (in)",
        SET,
    );
    errors(&mut page, &kvm);
    section(
        &mut page,
        "KVM_GET_REG_LIST",
        "basic",
        &reg_list,
        "struct kvm_reg_list (in/out)",
        LIST,
    );
    page
}

const CAPABILITY: &str = "\
# KVM_GET_ONE_REG, KVM_SET_ONE_REG, KVM_GET_REG_LIST

Three ioctls of a vCPU file descriptor read, write and list registers by a 64-bit id. The id says which architecture \
the register belongs to, how wide it is and which one it is: see [the index](README.md#ids).

## KVM_CAP_ONE_REG

KVM_CHECK_EXTENSION with KVM_CAP_ONE_REG (70) returns 1 where the first two are offered and 0 where they are not. On \
x86 that tells kernels before 6.18 from later ones; the MSRs of an older kernel go through KVM_GET_MSRS and \
KVM_SET_MSRS.

| ioctl | Request | on powerpc and mips |
| --- | --- | --- |
| KVM_GET_ONE_REG | 0x4010aeab | 0x8010aeab |
| KVM_SET_ONE_REG | 0x4010aeac | 0x8010aeac |
| KVM_GET_REG_LIST | 0xc008aeb0 | 0xc008aeb0 |

## struct kvm_one_reg

```c
struct kvm_one_reg {
	__u64 id;
	__u64 addr;
};
```

`id` names the register. `addr` is the address of the value in the caller's memory: as many bytes as bits 55..52 of \
the id say, in the byte order of the host. The kernel neither reads nor writes more than these.

";

const GET: &str = "\
Copies the register's value to `addr`. The struct itself is not written.

";

const SET: &str = "\
Gives the register the value at `addr`. Some registers accept only the value that they have, some only until the vCPU \
has run, and some belong to the whole VM: the pages of the architectures say which. A kernel may keep only a part of \
the bits without an error; reading the register back shows what it holds.

";

const LIST: &str = "\
```c
struct kvm_reg_list {
	__u64 n;
	__u64 reg[];
};
```

The caller says in `n` how many ids `reg` has room for. The kernel sets `n` to the length of its list and, where there \
is room, copies the list. Where there is none it fails with E2BIG, so a first call with `n` = 0 asks for the length. \
On arm64 it also fails with ENOEXEC before KVM_ARM_VCPU_INIT, and on a vCPU with SVE with EPERM before \
KVM_ARM_VCPU_FINALIZE. The list depends on the features of the vCPU and may change when they do. It does not hold \
every register that the other two accept.

";

/// Appends the section of one ioctl.
fn section(
    page: &mut String,
    name: &str,
    capability: &str,
    architectures: &str,
    parameters: &str,
    body: &str,
) {
    let _ = write!(
        page,
        "## {name}\n\n\
         - Capability: {capability}\n\
         - Architectures: {architectures}\n\
         - Type: vcpu ioctl\n\
         - Parameters: {parameters}\n\
         - Returns: 0 on success, -1 with `errno` set on failure\n\n\
         {body}"
    );
}

/// The architectures that offer an ioctl.
fn offered(archs: &[&Arch], support: impl Fn(&Arch) -> &Support) -> String {
    let entry = |arch: &&Arch| {
        let link = format!("[{0}]({0}/README.md)", arch.name);
        match support(arch) {
            Support::No => None,
            Support::Yes => Some(link),
            Support::Since(release) => Some(format!("{link} (since Linux {release})")),
        }
    };
    archs.iter().filter_map(entry).collect::<Vec<_>>().join(", ")
}

/// Appends the errors of the first two ioctls.
fn errors(page: &mut String, archs: &[&Arch]) {
    page.push_str("### Errors of both\n\n");
    let rows = archs.iter().flat_map(|arch| {
        arch.errors
            .iter()
            .map(|errno| vec![arch.name.clone(), errno.name.clone(), text(&errno.meaning)])
    });
    table(page, &["Architecture", "Errno", "Meaning"], rows);
}
