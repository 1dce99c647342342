//! Stops what runs or waits.

use crate::chat::offers;
use crate::chat::target::Target;
use crate::domain::command::Cancellation;
use crate::domain::conversation::{Offer, Reply, Speaker};
use crate::domain::run::{Run, RunState};
use crate::flow::cancel::cancel;
use crate::flow::chat::{Conversation, Trouble};
use crate::report::chat;

/// More of several runs are not offered.
const OFFERED: usize = 5;

impl Conversation<'_> {
    pub(super) async fn cancel(
        &self,
        speaker: &Speaker,
        target: &Target,
        reason: Option<&str>,
    ) -> Result<Reply, Trouble> {
        let run = match self.run_by_id(target).await? {
            Some(run) => run,
            None => self.only_open(target).await?,
        };
        self.may_change_run(speaker, &run).await?;
        let cancellation = Cancellation::new(self.actor(speaker).known_as(), reason);
        let deployment = run.deployment;
        let answer = cancel(&self.desk, run, &cancellation).await?;
        let text = answer.told(self.desk.now());
        let reply = if answer.stops() {
            Reply::done(text)
        } else {
            Reply::refused("run_over", text)
        };
        Ok(Reply {
            deployment: Some(deployment),
            ..reply
        })
    }

    /// What runs there, or the one run that waits there. Of several that wait, one has to be named.
    async fn only_open(&self, target: &Target) -> Result<Run, Trouble> {
        let (spot, _) = self.place(target)?;
        let mut open = self.standing(spot).await?.open;
        let (app, environment) = (&spot.app.name, &spot.environment.name);
        if let Some(at) = open.iter().position(|one| one.run.state == RunState::Running) {
            return Ok(open.swap_remove(at).run);
        }
        match open.as_slice() {
            [_] => Ok(open.swap_remove(0).run),
            [] => {
                let text = format!("nothing runs or waits for `{environment}` of `{app}`");
                Err(Trouble::refused("nothing_there", text))
            }
            _ => {
                let lines: Vec<String> = open.iter().map(|one| chat::with_id(one, self.desk.now())).collect();
                let text = format!(
                    "several wait for `{environment}` of `{app}`; say which, as in `cancel {}`:\n{}",
                    open[0].run.id,
                    chat::list(&lines, None)
                );
                let ids = open.iter().take(OFFERED).map(|one| one.run.id.to_string());
                let offers = ids.map(|id| Offer {
                    label: format!("Cancel {id}"),
                    ..offers::cancel(&id)
                });
                Err(Trouble::offering("run_ambiguous", text, offers.collect()))
            }
        }
    }
}
