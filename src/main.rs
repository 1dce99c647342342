//! The `chima` program.

use std::process::ExitCode;

use chima::provider::runner;

fn main() -> ExitCode {
    // The runner outlives the server and its start is part of every deployment's latency: nothing else is set up first.
    if std::env::args_os().nth(1).is_some_and(|word| word == "runner") {
        return runner::main();
    }
    chima::app::main()
}
