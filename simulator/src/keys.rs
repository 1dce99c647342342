//! The key pair of the simulated App: made fresh in every process that asks for one, so that none lies in a repository.

use std::io;
use std::sync::OnceLock;

use rsa::RsaPrivateKey;
use rsa::pkcs1::{EncodeRsaPrivateKey, EncodeRsaPublicKey, LineEnding};
use rsa::rand_core::OsRng;

/// As GitHub makes them.
const BITS: usize = 2048;

/// A private key, and how to check what it signed.
#[derive(Debug)]
pub(crate) struct KeyPair {
    /// PKCS#1.
    pub(crate) private_pem: String,
    /// PKCS#1.
    pub(crate) public_der: Vec<u8>,
}

/// The App's private key in PEM (PKCS#1), for whoever plays it before there is a world; [`crate::github::GitHub::app_key`]
/// also has signatures checked.
///
/// # Errors
/// When no key can be made.
pub fn private_key_pem() -> io::Result<String> {
    pair().map(|pair| pair.private_pem.clone())
}

/// The pair of this process. Making it takes a moment, so it is made once.
pub(crate) fn pair() -> io::Result<&'static KeyPair> {
    static PAIR: OnceLock<KeyPair> = OnceLock::new();
    if let Some(pair) = PAIR.get() {
        return Ok(pair);
    }
    let private = RsaPrivateKey::new(&mut OsRng, BITS).map_err(io::Error::other)?;
    let private_pem = private
        .to_pkcs1_pem(LineEnding::LF)
        .map_err(io::Error::other)?
        .to_string();
    let public_der = private
        .to_public_key()
        .to_pkcs1_der()
        .map_err(io::Error::other)?
        .as_bytes()
        .to_vec();
    Ok(PAIR.get_or_init(|| KeyPair {
        private_pem,
        public_der,
    }))
}
