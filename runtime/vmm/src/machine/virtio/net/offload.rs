//! What the host may leave to the guest's driver: sums of packets, and TCP that is not cut into segments.

use libc::c_uint;
use virtio_bindings::virtio_net::{
    VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_GUEST_ECN, VIRTIO_NET_F_GUEST_TSO4,
    VIRTIO_NET_F_GUEST_TSO6, VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_ECN,
    VIRTIO_NET_HDR_GSO_NONE, VIRTIO_NET_HDR_GSO_TCPV4, VIRTIO_NET_HDR_GSO_TCPV6,
};

/// Says whether a feature is among those.
pub(super) fn has(features: u64, feature: u32) -> bool {
    features & 1 << feature != 0
}

/// Returns what a driver with these features takes upon itself, in the flags of tap devices: these know of no segments
/// without sums.
pub(super) fn flags(features: u64) -> c_uint {
    let flag = |feature, flag| if has(features, feature) { flag } else { 0 };
    let sums = flag(VIRTIO_NET_F_GUEST_CSUM, libc::TUN_F_CSUM);
    let segments = flag(VIRTIO_NET_F_GUEST_TSO4, libc::TUN_F_TSO4)
        | flag(VIRTIO_NET_F_GUEST_TSO6, libc::TUN_F_TSO6);
    match (sums, segments) {
        (0, _) | (_, 0) => sums,
        _ => sums | segments | flag(VIRTIO_NET_F_GUEST_ECN, libc::TUN_F_TSO_ECN),
    }
}

/// Says whether the header of a packet leaves to a driver only what it takes upon itself with these features. That the
/// host found a sum right is removed where it is nothing to the driver.
pub(super) fn admit(packet: &mut [u8], features: u64) -> bool {
    let [flags, segments, ..] = packet else { return false };
    let has = |feature| has(features, feature);
    let takes_sum = has(VIRTIO_NET_F_GUEST_CSUM);
    if !takes_sum {
        *flags &= VIRTIO_NET_HDR_F_NEEDS_CSUM as u8;
    }
    let (flags, segments) = (*flags, u32::from(*segments));
    let takes_segments = match segments & !VIRTIO_NET_HDR_GSO_ECN {
        VIRTIO_NET_HDR_GSO_NONE => true,
        VIRTIO_NET_HDR_GSO_TCPV4 => has(VIRTIO_NET_F_GUEST_TSO4),
        VIRTIO_NET_HDR_GSO_TCPV6 => has(VIRTIO_NET_F_GUEST_TSO6),
        _ => false,
    };
    let takes_ecn = segments & VIRTIO_NET_HDR_GSO_ECN == 0 || has(VIRTIO_NET_F_GUEST_ECN);
    takes_segments && takes_ecn && (takes_sum || flags == 0)
}
