//! What passes for a name is no option, no path upwards and nothing that a shell or a terminal would take for more.
#![no_main]

use chima::domain::names::{AppName, EnvironmentName, HostName, RefName, RepositoryName, Sha, TaskName, shown};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let named = [
        text.parse::<AppName>().map(|name| name.to_string()),
        text.parse::<EnvironmentName>().map(|name| name.to_string()),
        text.parse::<HostName>().map(|name| name.to_string()),
        text.parse::<RefName>().map(|name| name.to_string()),
        text.parse::<RepositoryName>().map(|name| name.to_string()),
        text.parse::<Sha>().map(|name| name.to_string()),
        text.parse::<TaskName>().map(|name| name.to_string()),
    ];
    for name in named.into_iter().flatten() {
        assert!(!name.starts_with('-') && !name.is_empty());
        assert!(!name.split('/').any(|part| part == ".."), "{name}");
        assert!(
            !name.chars().any(|c| c.is_control() || "`$;|&<>\"'\\".contains(c)),
            "{name:?}"
        );
    }
    assert!(!shown(text).chars().any(char::is_control));
});
