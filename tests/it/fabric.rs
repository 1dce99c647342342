//! Deployments with the real Fabric through the whole app: Debian's, a newer one, and a stand-in for Fabric 1.

mod endings;
mod example;
mod legacy;
