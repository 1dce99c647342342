//! What Slack brings: the forms in which it says who spoke where, and its own way of writing text.

pub mod heard;
pub mod text;

#[cfg(test)]
mod tests;
