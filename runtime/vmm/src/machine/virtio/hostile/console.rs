//! Consoles.

use std::sync::{Arc, Mutex};

use arbtest::arbitrary::{Result, Unstructured};

use super::super::console::{Console, HEAR, Peer, SAY};
use super::super::testing::Driver;
use super::torment;

/// Torments a console, which says and hears everything again.
pub(in super::super) fn torment_console(u: &mut Unstructured<'_>) -> Result<()> {
    let said = Arc::new(Mutex::new(Vec::new()));
    let last = Arc::clone(&said);
    let peer = Peer::new(move |bytes| *last.lock().unwrap() = bytes.to_vec(), None).unwrap();
    let peer = Arc::new(peer);
    let mut driver = Driver::start(Console::new(Arc::clone(&peer)));
    peer.enter(b"early");
    torment(u, &mut driver)?;
    driver.request(SAY, &[b"said"], &[]);
    assert_eq!(*said.lock().unwrap(), b"said");
    let is_left = !peer.typed().is_empty();
    if is_left {
        driver.request(HEAR, &[], &[5]);
    }
    peer.enter(b"late");
    assert_eq!(driver.request(HEAR, &[], &[4]).bytes, b"late");
    Ok(())
}
