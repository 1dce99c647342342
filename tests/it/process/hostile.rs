//! The program itself against hostile surroundings: remotes that change while it looks, commands that flood and leak, a full disk.

mod disk;
mod flood;
mod races;
mod secrets;
