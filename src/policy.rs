//! Decides: facts and rules in, a decision with its reasons out. Pure.
//!
//! [`needs::needs`] says what must be known, somebody else gathers it, [`decide::decide`] judges. The same three values
//! (deployment, facts, rules) always give the same decision, so that a stored one can be replayed and questioned.

pub mod auto;
mod checks;
pub mod contexts;
pub mod decide;
pub mod decision;
pub mod facts;
pub mod needs;
pub mod protection;
pub mod repositories;
pub mod roles;
pub mod rules;
pub mod who;

#[cfg(test)]
mod tests;
