//! The pages of what runs, waits and ran.

mod drift;
mod history;
mod monitor;
mod overview;
mod queue;
mod statistics;
mod unseen;

use crate::world::stage::World;

impl World {
    /// The ids of runs that a page links to, in its order.
    fn runs_on(page: &str) -> Vec<String> {
        let links = page.split("href=\"/runs/").skip(1);
        links
            .filter_map(|rest| rest.split('"').next())
            .map(str::to_owned)
            .collect()
    }
}
