//! What Chima relies on in Ansible, tried with an old and a new version of it.

mod deployments;
mod endings;
mod example;
mod results;
mod vars;
