//! A `.tar.gz` in memory: POSIX ustar headers, as tar of every system reads them.

use std::io::Write as _;

use anyhow::{Result, bail};
use flate2::{Compression, write::GzEncoder};

use super::File;

const BLOCK: usize = 512;
/// The folder that everything is in.
const FOLDER: &str = "ping-support";

pub(super) struct Archive;

impl Archive {
    /// The packed files.
    pub(super) fn of(files: &[File]) -> Result<Vec<u8>> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        for File { name, text } in files {
            gzip.write_all(&header(&format!("{FOLDER}/{name}"), text.len())?)?;
            gzip.write_all(text.as_bytes())?;
            gzip.write_all(&vec![0; text.len().next_multiple_of(BLOCK) - text.len()])?;
        }
        gzip.write_all(&[0; 2 * BLOCK])?;
        Ok(gzip.finish()?)
    }
}

/// The header of a file that its owner may read and write, of no time and nobody.
fn header(name: &str, size: usize) -> Result<[u8; BLOCK]> {
    let mut header = [0; BLOCK];
    let mut put = |at: usize, octets: &[u8]| header[at..at + octets.len()].copy_from_slice(octets);
    if name.len() > 100 {
        bail!("the name {name} is too long for an archive");
    }
    put(0, name.as_bytes());
    put(100, b"0000600\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{size:011o}\0").as_bytes());
    put(136, b"00000000000\0");
    // The checksum is that of the header with spaces in its place.
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum = header.iter().map(|octet| u32::from(*octet)).sum::<u32>();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Ok(header)
}
