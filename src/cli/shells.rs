//! What shells and `man` want to know, from the same definition of the command line that reads what is typed.

use std::fs;
use std::io;
use std::path::Path;

use clap::CommandFactory;
use clap_complete::{Shell, generate};
use clap_mangen::Man;

use crate::cli::args::Args;

/// What a shell completes.
#[must_use]
pub fn completions(shell: Shell) -> Vec<u8> {
    let mut text = Vec::new();
    generate(shell, &mut Args::command(), "chima", &mut text);
    text
}

/// The manual page of the program.
///
/// # Errors
///
/// Never: a text grows as it likes.
pub fn page() -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    Man::new(Args::command()).render(&mut text)?;
    Ok(text)
}

/// A page for the program and each of its commands. Returns how many.
///
/// # Errors
///
/// When one cannot be written.
pub fn pages(folder: &Path) -> io::Result<usize> {
    fs::create_dir_all(folder)?;
    let mut program = Args::command();
    program.build();
    fs::write(folder.join("chima.1"), page()?)?;
    let mut written = 1;
    for command in program
        .get_subcommands()
        .filter(|one| !one.is_hide_set() && one.get_name() != "help")
    {
        let name = format!("chima-{}", command.get_name());
        let mut text = Vec::new();
        Man::new(command.clone()).title(name.clone()).render(&mut text)?;
        fs::write(folder.join(format!("{name}.1")), text)?;
        written += 1;
    }
    Ok(written)
}
