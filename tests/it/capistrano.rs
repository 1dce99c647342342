//! Deployments with the real Capistrano through the whole app, with and without Bundler.

mod endings;
mod example;
