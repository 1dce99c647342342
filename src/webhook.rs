//! From the raw bytes of a delivery to a typed event. Pure.
//!
//! The order matters: [`signature`] over the raw bytes first, then [`envelope`] (little, fast, before the answer), and
//! only after the delivery is stored [`parse`]. Nothing here may trust a header beyond naming what the body must be.

mod access;
pub mod body;
mod change;
mod comment;
pub mod envelope;
pub mod headers;
mod lenient;
pub mod parse;
mod payload;
mod protection;
mod reported;
pub mod same;
mod shape;
pub mod signature;

#[cfg(test)]
mod tests;
