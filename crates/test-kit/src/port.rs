//! Free TCP ports on 127.0.0.1.

use std::fs::File;
use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Mutex, PoisonError};

/// Below the ports that the kernel gives to clients (from 32768), so that no outgoing connection takes one in between.
const FIRST: u16 = 12_000;
const COUNT: u16 = 20_000;
/// A step without a common divisor with `COUNT` visits every port once.
const STEP: u16 = 7;

static TAKEN: AtomicU16 = AtomicU16::new(0);

/// Holds what this process was given, to its end.
static RESERVATIONS: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// A port on which nothing listens, and which no other process that runs was given: a server that restarts finds it free.
///
/// # Panics
/// When no port of the range is free, or the folder of temporary files takes no files.
#[must_use]
pub fn free_port() -> u16 {
    // Test binaries that run side by side start far apart.
    let start = std::process::id().wrapping_mul(7919);
    (0..COUNT)
        .find_map(|_| {
            let turn = u32::from(TAKEN.fetch_add(1, Ordering::Relaxed));
            let offset = start.wrapping_add(turn.wrapping_mul(u32::from(STEP))) % u32::from(COUNT);
            let port = FIRST + u16::try_from(offset).ok()?;
            (TcpListener::bind(("127.0.0.1", port)).is_ok() && reserve(port)).then_some(port)
        })
        .unwrap_or_else(|| panic!("no free port from {FIRST} to {}", FIRST + COUNT))
}

/// Locks a file that stands for the port: only one process can, and the lock ends with the process.
fn reserve(port: u16) -> bool {
    let folder = std::env::temp_dir().join("ping-test-ports");
    let file = std::fs::create_dir_all(&folder).and_then(|()| File::create(folder.join(port.to_string())));
    let file =
        file.unwrap_or_else(|error| panic!("no port can be reserved in {}: {error}", folder.display()));
    let reserved = file.try_lock().is_ok();
    if reserved {
        RESERVATIONS.lock().unwrap_or_else(PoisonError::into_inner).push(file);
    }
    reserved
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_port_is_given_twice() {
        let ports: HashSet<u16> = (0..200).map(|_| free_port()).collect();
        assert_eq!(ports.len(), 200);
    }

    #[test]
    fn a_port_that_was_given_is_given_to_nobody_else() {
        assert!(!reserve(free_port()));
    }

    #[test]
    fn a_port_in_use_is_not_given() {
        let port = free_port();
        let _listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        assert!((0..200).all(|_| free_port() != port));
    }
}
