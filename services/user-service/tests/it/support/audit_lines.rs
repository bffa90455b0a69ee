//! An audit log in memory.

use std::{
    io::{Result, Write},
    sync::{Arc, Mutex},
};

/// What was written. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct AuditLines(Arc<Mutex<Vec<u8>>>);

impl AuditLines {
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for AuditLines {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}
