//! Tap devices of the host: each read and each write is one packet, behind a header.

// UNSAFETY: the standard library writes only memory that nobody else changes, and knows no tap devices.
#![expect(unsafe_code, reason = "writev takes addresses; tap devices are set up by ioctl")]

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;

use vm_memory::VolatileSlice;
use vm_memory::volatile_memory::PtrGuardMut;

use super::HEADER;
use crate::failure::Failure;

/// Where tap devices are opened.
const TUN: &str = "/dev/net/tun";

/// A tap device that is open. It never waits.
pub(super) struct Tap(File);

impl Tap {
    /// Opens the tap device of that name; it is made for as long as it is open where there is none.
    pub(super) fn open(name: &str) -> Result<Tap, Failure> {
        let failure = |why: String| Failure::new(format!("the tap device {name}: {why}"));
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).custom_flags(libc::O_NONBLOCK).open(TUN);
        let file = file.map_err(|error| {
            let remedy = match error.kind() {
                io::ErrorKind::NotFound => ": load it with `modprobe tun`",
                io::ErrorKind::PermissionDenied => ": let this user read and write it",
                _ => "",
            };
            failure(format!("cannot open {TUN}: {error}{remedy}"))
        })?;
        let request = request(name)
            .ok_or_else(|| failure(format!("a name has 1 to {} bytes", libc::IFNAMSIZ - 1)))?;
        attach(&file, &request).map_err(|error| {
            let remedy = match error.raw_os_error() {
                Some(libc::EBUSY) => ": another program has it, take another one".to_owned(),
                Some(libc::EPERM) => {
                    format!(
                        ": make it for this user, as with `ip tuntap add {name} mode tap user USER`"
                    )
                }
                Some(libc::EINVAL) => {
                    ": it has to be a tap device with one queue, take another name".to_owned()
                }
                _ => String::new(),
            };
            failure(format!("cannot attach to it: {error}{remedy}"))
        })?;
        Ok(Tap(file))
    }

    /// Leaves to the guest what these flags say, of packets that come from now on.
    pub(super) fn leave(&self, flags: libc::c_uint) -> io::Result<()> {
        leave(&self.0, flags)
    }

    /// Takes a packet, and returns its length with its header. The end of one that does not fit is lost.
    pub(super) fn receive(&self, packet: &mut [u8]) -> io::Result<usize> {
        again(|| (&self.0).read(packet))
    }

    /// Sends a packet with its header.
    pub(super) fn send(&self, memory: &[VolatileSlice<'_>]) -> io::Result<usize> {
        let guards: Vec<PtrGuardMut> = memory.iter().map(VolatileSlice::ptr_guard_mut).collect();
        let piece = |guard: &PtrGuardMut| libc::iovec {
            iov_base: guard.as_ptr().cast(),
            iov_len: guard.len(),
        };
        let pieces: Vec<_> = guards.iter().map(piece).collect();
        let (file, count) = (self.0.as_raw_fd(), pieces.len() as libc::c_int);
        again(|| {
            // SAFETY: every piece is memory that the guards keep mapped for as long as they live, which is to the end
            // of this function; it is the guest's, to which no reference exists. The count is that of the pieces.
            let result = unsafe { libc::writev(file, pieces.as_ptr(), count) };
            usize::try_from(result).map_err(|_| io::Error::last_os_error())
        })
    }
}

/// Moves one packet, whatever signals come meanwhile.
fn again(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

impl AsFd for Tap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Returns what names a tap device to the system: packets without more than the header of virtio.
fn request(name: &str) -> Option<libc::ifreq> {
    // SAFETY: an ifreq is bytes, numbers and addresses that may be null: zeros are one.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    let fits = (1..libc::IFNAMSIZ).contains(&name.len());
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    let flags = libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_VNET_HDR;
    request.ifr_ifru.ifru_flags = flags as libc::c_short;
    fits.then_some(request)
}

/// Makes an open file that tap device.
fn attach(file: &File, request: &libc::ifreq) -> io::Result<()> {
    let header = HEADER as libc::c_int;
    // SAFETY: TUNSETIFF reads an ifreq and writes its name, which is why it gets a copy.
    let attached = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &mut request.clone()) };
    check(attached)?;
    // SAFETY: TUNSETVNETHDRSZ reads an int.
    check(unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETVNETHDRSZ, &header) })?;
    leave(file, 0)
}

/// Has the host leave to whom it gives packets what these flags say: without any, it finishes them before.
fn leave(file: &File, flags: libc::c_uint) -> io::Result<()> {
    let flags = libc::c_ulong::from(flags);
    // SAFETY: TUNSETOFFLOAD takes a number.
    check(unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETOFFLOAD, flags) })
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
impl From<std::os::unix::net::UnixDatagram> for Tap {
    fn from(socket: std::os::unix::net::UnixDatagram) -> Tap {
        Tap(File::from(std::os::fd::OwnedFd::from(socket)))
    }
}
