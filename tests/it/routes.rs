//! The routes that the sources name, so that tests of all routes look at a new one without being told.

use crate::architecture::sources;

/// A route, and what stands behind it in the source: `get(..)`, `post(..)`.
pub struct Route {
    pub path: String,
    pub opened_by: String,
}

/// Every route that is named by a text of its own.
pub fn routes() -> Vec<Route> {
    let mut found = Vec::new();
    for source in sources().iter().filter(|source| source.room == "http") {
        for rest in source.text.split(".route(").skip(1) {
            let quoted = rest.trim_start().strip_prefix('"');
            let Some((path, rest)) = quoted.and_then(|quoted| quoted.split_once('"')) else {
                continue;
            };
            // up to the parenthesis that ends it
            let mut depth = 1;
            let opened_by = rest.chars().take_while(|c| {
                depth += i32::from(*c == '(') - i32::from(*c == ')');
                depth > 0
            });
            found.push(Route {
                path: path.to_owned(),
                opened_by: opened_by.collect(),
            });
        }
    }
    found
}
