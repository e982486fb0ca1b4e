//! What the host does while a guest runs.

use std::fs;
use std::io;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

/// How long the last of it may take when the VMM has ended.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the host does by a socket of the VMM.
pub(crate) struct Beside {
    socket: &'static str,
    done: Receiver<io::Result<()>>,
}

impl Beside {
    /// Starts it.
    pub(crate) fn start(
        socket: &'static str,
        work: impl FnOnce() -> io::Result<()> + Send + 'static,
    ) -> Beside {
        let (sender, done) = mpsc::channel();
        // Nobody listens any more after a time-out.
        thread::spawn(move || sender.send(work()));
        Beside { socket, done }
    }

    /// Says whether all went well, and whether the VMM has removed its socket.
    pub(crate) fn end(self) -> Result<(), String> {
        let socket = self.socket;
        let done = self.done.recv_timeout(PATIENCE);
        let done = done.map_err(|_| format!("the guest did too little with {socket}"))?;
        done.map_err(|error| format!("the host with {socket}: {error}"))?;
        match fs::exists(socket) {
            Ok(false) => Ok(()),
            _ => Err(format!("the VMM left {socket} behind")),
        }
    }
}
