//! The stages in order: parse, gather, decide, enqueue, execute, report. Thin: each stage asks the room that knows.
//!
//! Each stage has a `run` that loops until the process is to stop, and a `step` that does what is due now and returns,
//! so that tests step and never sleep. Every stage is level-triggered: a lost bell is made good by the next tick.

pub mod adopt;
pub mod announce;
pub mod ask;
pub mod audit;
pub mod auto_deploy;
pub mod cancel;
pub mod catch_up;
pub mod chat;
pub mod command;
pub mod comment;
pub mod contained;
pub mod decided;
pub mod drift;
pub mod engine;
pub mod execute;
pub mod finish;
pub mod forecast;
pub mod foreign;
pub mod gather;
pub mod history;
pub mod intake;
pub mod lock;
pub mod notices;
pub mod obstacle;
pub mod outbox;
pub mod outcome;
pub mod people;
pub mod prepare;
pub mod protection;
pub mod random;
pub mod recheck;
pub mod rehearse;
pub mod replay;
pub mod repositories;
pub mod restore;
pub mod retention;
pub mod roles;
pub mod room;
pub mod rules;
pub mod set_up;
pub mod sign_in;
pub mod slack;
pub mod sweep;
pub mod tidy;
pub mod title;
pub mod tokens;
pub mod traces;
pub mod turns;
pub mod view;
pub mod watchdog;
