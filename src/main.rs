//! The `chima` program.

use std::process::ExitCode;

use chima::provider::git::askpass;
use chima::provider::{request, runner};

fn main() -> ExitCode {
    // The runner outlives the server and its start is part of every deployment's latency: nothing else is set up first.
    let word = std::env::args_os().nth(1);
    if word.as_ref().is_some_and(|word| word == "runner") {
        return runner::main();
    }
    if word.as_ref().is_some_and(|word| word == runner::ON_TERMINAL) {
        return runner::on_terminal();
    }
    if word.is_some_and(|word| word == request::COMMAND) {
        return request::main();
    }
    if let Some(exit) = askpass::main() {
        return exit;
    }
    chima::app::main()
}
