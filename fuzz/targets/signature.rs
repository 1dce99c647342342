//! No header that was not made with the secret is believed.
#![no_main]

use chima::webhook::headers::RawHeaders;
use chima::webhook::signature::verify;
use libfuzzer_sys::fuzz_target;
use secrecy::SecretString;

fuzz_target!(|bytes: &[u8]| {
    let (header, body) = match bytes.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &[][..]),
    };
    let secrets = [SecretString::from("nobody who fuzzes knows this")];
    for times in 0..3 {
        let headers = vec![("x-hub-signature-256".to_owned(), header.to_vec()); times];
        assert!(verify(&RawHeaders::new(headers), body, &secrets).is_err());
    }
});
