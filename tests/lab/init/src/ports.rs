//! Virtio ports, by name.

use std::fs::{self, File};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

const CLASS: &str = "/sys/class/virtio-ports";

/// How long a port may take to appear: the kernel adds them while the first process starts.
const PATIENCE: Duration = Duration::from_secs(30);

/// Opens the port that the host's machine calls `name`, for writing.
pub(crate) fn open(name: &str) -> Result<File, String> {
    let end = Instant::now() + PATIENCE;
    loop {
        let opened = find(name).map(|path| File::options().write(true).open(path));
        match opened {
            Some(Ok(file)) => return Ok(file),
            Some(Err(error)) if end < Instant::now() => {
                return Err(format!("port {name}: {error}"));
            }
            None if end < Instant::now() => return Err(format!("{CLASS} has no port {name}")),
            _ => thread::sleep(Duration::from_millis(5)),
        }
    }
}

fn find(name: &str) -> Option<PathBuf> {
    let ports = fs::read_dir(CLASS).ok()?.flatten();
    let named = |port: &fs::DirEntry| {
        fs::read_to_string(port.path().join("name")).is_ok_and(|text| text.trim_end() == name)
    };
    let port = ports.into_iter().find(named)?;
    Some(PathBuf::from("/dev").join(port.file_name()))
}
