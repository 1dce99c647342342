//! Stops what runs or waits.

use crate::chat::target::Target;
use crate::domain::command::Cancellation;
use crate::domain::conversation::{Reply, Speaker};
use crate::domain::run::{Run, RunState};
use crate::flow::cancel::cancel;
use crate::flow::chat::{Conversation, Trouble};
use crate::report::chat;

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
        if let Some(at) = open.iter().position(|run| run.state == RunState::Running) {
            return Ok(open.swap_remove(at));
        }
        match open.as_slice() {
            [_] => Ok(open.swap_remove(0)),
            [] => {
                let text = format!("nothing runs or waits for `{environment}` of `{app}`");
                Err(Trouble::refused("nothing_there", text))
            }
            _ => {
                let lines: Vec<String> = open.iter().map(|run| chat::with_id(run, self.desk.now())).collect();
                let text = format!(
                    "several wait for `{environment}` of `{app}`; say which, as in `cancel {}`:\n{}",
                    open[0].id,
                    chat::list(&lines, None)
                );
                Err(Trouble::refused("run_ambiguous", text))
            }
        }
    }
}
