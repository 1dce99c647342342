//! The world for people to read: what a failing test prints.

use std::fmt;

use crate::github::hook::HookDelivery;
use crate::github::world::{Repository, World};

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "GitHub at {} ({})", self.url, self.now().format("%F %T%.3f"))?;
        for repository in &self.repositories {
            writeln!(f, "  {repository}")?;
        }
        writeln!(f, "  deliveries:")?;
        for delivery in &self.deliveries {
            writeln!(f, "    {delivery}")?;
        }
        writeln!(f, "  requests:")?;
        for request in &self.requests {
            writeln!(f, "    {request}")?;
        }
        write!(f, "  faults still switched on: {}", self.faults.remaining())
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (id {})", self.name, self.id)?;
        for (name, sha) in &self.branches {
            write!(f, "\n    branch {name} at {}", short(sha))?;
        }
        for status in &self.statuses {
            write!(
                f,
                "\n    status {} {} {}",
                short(&status.sha),
                status.context,
                status.state
            )?;
        }
        for check in &self.check_runs {
            let conclusion = check.conclusion.as_deref().unwrap_or("none");
            write!(
                f,
                "\n    check {} {} {} ({conclusion})",
                short(&check.sha),
                check.name,
                check.status
            )?;
        }
        for pull in &self.pulls {
            let merged = pull.merge_commit.as_deref().map_or("not merged", short);
            write!(f, "\n    pull request {} into {}: {merged}", pull.number, pull.base)?;
        }
        for deployment in &self.deployments {
            write!(
                f,
                "\n    deployment {} of {} ({}) to {}, task {}",
                deployment.id,
                deployment.git_ref,
                short(&deployment.sha),
                deployment.environment,
                deployment.task
            )?;
            for status in &deployment.statuses {
                write!(f, "\n      {}: {}", status.state, status.description)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for HookDelivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.id, self.guid, self.event)?;
        if let Some(action) = &self.action {
            write!(f, ".{action}")?;
        }
        if self.redelivery {
            write!(f, " (again)")?;
        }
        match &self.outcome {
            Some(outcome) => write!(f, " -> {} {}", outcome.status_code, outcome.status),
            None => write!(f, " -> under way"),
        }
    }
}

fn short(sha: &str) -> &str {
    sha.get(..8).unwrap_or(sha)
}
