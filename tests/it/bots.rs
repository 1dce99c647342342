//! Real chat bots with the adapters of `examples/`: what people say to them goes to Chima, and what becomes of it is said by them.

#![expect(clippy::panic, reason = "a test says no more than where it stopped")]

mod bot;
mod errbot;
mod hubot;
