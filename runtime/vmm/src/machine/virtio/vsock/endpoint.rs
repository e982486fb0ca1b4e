//! The host's side: the socket that its programs reach the guest by, and those that the guest reaches.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};

use super::super::socket_file::{self, SocketFile};
use crate::failure::Failure;

/// Most bytes of the socket's path: that of a port of the host has a number behind it.
const PATH_MOST: usize = 107 - "_4294967295".len();

/// What `--vsock` names.
pub(in super::super) struct Endpoint {
    cid: u32,
    path: PathBuf,
    listener: UnixListener,
}

impl Endpoint {
    /// Opens what `--vsock` names: `cid=N,socket=PATH`.
    pub(in super::super) fn open(option: &str) -> Result<(Endpoint, SocketFile), Failure> {
        let wrong = |what: &str| {
            Failure::new(format!("--vsock {option}: {what}, give it as cid=3,socket=PATH"))
        };
        let rest = option.strip_prefix("cid=").ok_or_else(|| wrong("there is no cid"))?;
        let (cid, path) = rest.split_once(",socket=").ok_or_else(|| wrong("there is no socket"))?;
        let cid = cid.parse().ok().filter(|cid| (3..u32::MAX).contains(cid));
        let cid = cid.ok_or_else(|| wrong("the cid is none of a guest, 3 to 4294967294"))?;
        let path = Path::new(path);
        if !(1..=PATH_MOST).contains(&path.as_os_str().len()) {
            return Err(wrong(&format!("a socket's path has 1 to {PATH_MOST} bytes")));
        }
        let (listener, file) = socket_file::make(path, UnixListener::bind)?;
        listener.set_nonblocking(true).map_err(|error| socket_file::failure(path, &error))?;
        Ok((Endpoint { cid, path: path.to_owned(), listener }, file))
    }

    /// Returns the number of the guest.
    pub(super) fn cid(&self) -> u32 {
        self.cid
    }

    /// Returns where programs of the host come in.
    pub(super) fn listener(&self) -> &UnixListener {
        &self.listener
    }

    /// Takes the next program of the host.
    pub(super) fn accept(&self) -> io::Result<UnixStream> {
        let (stream, _) = self.listener.accept()?;
        stream.set_nonblocking(true)?;
        Ok(stream)
    }

    /// Connects to who listens at a port of the host, without waiting.
    pub(super) fn connect(&self, port: u32) -> io::Result<UnixStream> {
        let mut path = OsString::from(&self.path);
        path.push(format!("_{port}"));
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.connect(&SockAddr::unix(path)?)?;
        Ok(UnixStream::from(OwnedFd::from(socket)))
    }
}
