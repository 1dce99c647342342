//! The outer edge of the real program: what strangers send, how much it costs, and what a browser makes of what it answers.
//!
//! Generated with a seed, sent over loopback. The judges are the answers, the stand-in's list of requests, the ledger's file read by
//! Python after the end, the program's own log, and the kernel's word about memory.

mod browser;
mod corpus;
mod cost;
mod door;
mod hostile;
mod ledger;
mod places;
mod signed;
