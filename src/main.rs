//! The `chima` program.

fn main() {}
