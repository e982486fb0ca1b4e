//! Files of Unix sockets.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// The file of a socket, which is removed with this.
pub(super) struct SocketFile(PathBuf);

impl SocketFile {
    /// Returns the folder that it is in.
    pub(super) fn folder(&self) -> &Path {
        let folder = self.0.parent().filter(|folder| !folder.as_os_str().is_empty());
        folder.unwrap_or(Path::new("."))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Somebody else may have removed it.
        let _ = fs::remove_file(&self.0);
    }
}

/// Makes a socket at a path where nothing is.
pub(super) fn make<'p, S>(
    path: &'p Path,
    bind: impl FnOnce(&'p Path) -> io::Result<S>,
) -> Result<(S, SocketFile), Failure> {
    let socket = bind(path).map_err(|error| failure(path, &error))?;
    Ok((socket, SocketFile(path.to_owned())))
}

/// Says why there is no socket at a path.
pub(super) fn failure(path: &Path, error: &io::Error) -> Failure {
    let remedy = match error.kind() {
        io::ErrorKind::AddrInUse => {
            ": a file is in the way: remove it, unless another program uses it"
        }
        _ => "",
    };
    Failure::new(format!("cannot make the socket {}: {error}{remedy}", path.display()))
}
