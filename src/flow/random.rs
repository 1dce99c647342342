//! Randomness that nobody can guess: for what proves who somebody is.

use std::fs::File;
use std::io::{self, Read as _};

/// 256 bits of it.
///
/// # Errors
///
/// When the system gives none.
pub fn bytes() -> io::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}
