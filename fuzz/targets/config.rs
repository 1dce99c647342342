//! Whatever is in the configuration file is taken, or every problem in it is said.
#![no_main]

use std::path::Path;

use chima::config::{Config, Known};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // named files are looked at: none of this machine's is to be
    if text.contains("file") || text.contains("ca_") || text.contains("known_hosts") || text.contains("key") {
        return;
    }
    if let Err(problems) = Config::parse(Path::new("app.yaml"), text, &Known { providers: &["shell"] }) {
        assert!(!problems.to_string().is_empty());
    }
});
