//! Who may change something: refused before anything is done, by the same rules as what is delivered later.

use crate::chat::target::Target;
use crate::domain::actor::{Actor, Named};
use crate::domain::conversation::{Offer, Place, Reply, Speaker};
use crate::domain::lock;
use crate::domain::reason::Reason;
use crate::domain::run::{Run, RunState};
use crate::flow::chat::{Conversation, Objection, Spot, Trouble};
use crate::flow::gather;
use crate::flow::people;
use crate::flow::rules::of_environment;
use crate::policy::facts::Membership;
use crate::policy::who::{self, Change, May};
use crate::report::chat as words;
use crate::report::force;
use crate::report::sentence::sentence;

impl<'a> Conversation<'a> {
    /// Whom Chima takes a speaker for.
    pub(super) fn actor(&self, speaker: &Speaker) -> Actor {
        people::actor(self.config(), speaker)
    }

    /// Refuses what is said in a room from which nothing may be changed there, or on a page by somebody who may look there and no
    /// more.
    pub(super) fn in_allowed_room(&self, speaker: &Speaker, spot: Spot<'a>) -> Result<(), Trouble> {
        let (room, id) = match &speaker.place {
            Place::Room { room, id, .. } => (room, id),
            Place::Page { deploys, .. } if !deploys.contains(&spot.app.name) => {
                let text = words::may_only_look(spot.app.name.as_str());
                return Err(Trouble::refused("deployer_not_allowed", text));
            }
            Place::Page { .. } | Place::Terminal | Place::Api { .. } | Place::PullRequest { .. } => return Ok(()),
        };
        let allowed = spot.environment.allowed_rooms.as_deref();
        match who::room_refused(allowed, room, id.as_deref()) {
            Some(reason) => Err(Trouble::refused(reason.code(), sentence(&reason))),
            None => Ok(()),
        }
    }

    /// Refuses whoever may not change anything there: lock, unlock, cancel.
    pub(super) async fn may_change(&self, speaker: &Speaker, spot: Spot<'a>) -> Result<(), Trouble> {
        self.in_allowed_room(speaker, spot)?;
        let rules = of_environment(spot.environment);
        let actor = self.actor(speaker);
        let teams = who::to_ask(&rules, &actor, false);
        let memberships = self.memberships(spot, teams).await?;
        match who::change(&rules, &actor, &memberships) {
            Change::Yes => Ok(()),
            Change::No(reason) => Err(Trouble::refused(reason.code(), sentence(&reason))),
            Change::Unknown { detail } => Err(Trouble::refused(
                "github_unavailable",
                words::nothing_done(&detail, None),
            )),
        }
    }

    /// The same of a run. What is not configured any more is nobody's in particular.
    pub(super) async fn may_change_run(&self, speaker: &Speaker, run: &Run) -> Result<(), Trouble> {
        match self.config().find(run.repository.as_str(), &run.environment) {
            Some((app, environment)) => self.may_change(speaker, Spot { app, environment }).await,
            None => Ok(()),
        }
    }

    /// The same of a lock's place.
    pub(super) async fn may_change_place(&self, speaker: &Speaker, place: &lock::Place) -> Result<(), Trouble> {
        let Some(app) = self.config().app(place.app.as_str()) else {
            return Ok(());
        };
        let named = place.environment.as_str();
        let found = app
            .environments
            .iter()
            .find(|own| own.name.as_str().eq_ignore_ascii_case(named));
        match found {
            Some(environment) => self.may_change(speaker, Spot { app, environment }).await,
            None => Ok(()),
        }
    }

    /// Who is in these teams; GitHub is asked only where there are any.
    pub(super) async fn memberships(
        &self,
        spot: Spot<'a>,
        teams: Vec<(Named, String)>,
    ) -> Result<Vec<Membership>, Trouble> {
        if teams.is_empty() {
            return Ok(Vec::new());
        }
        // boxed: the client's futures are large, and most commands do not need them
        let installation = Box::pin(self.github.installation_of(&spot.app.repository)).await?;
        Ok(Box::pin(gather::memberships(self.github, installation, teams)).await)
    }

    /// What is said of a run that was rejected, with what an admin could do about it: offered to an admin, told to the others.
    pub(super) async fn or_forced(&self, speaker: &Speaker, target: &Target, reply: Reply) -> Result<Reply, Trouble> {
        let run = match self.run(target).await {
            Ok(run) => run,
            // there is none, and the answer has said so in its own way
            Err(Trouble::Refused(_)) => return Ok(reply),
            Err(error) => return Err(error),
        };
        let found = self.config().find(run.repository.as_str(), &run.environment);
        let (Some((app, environment)), Some(order)) = (found, run.order.as_ref().filter(|order| !order.noop)) else {
            return Ok(reply);
        };
        let admins = &environment.admins;
        if run.state != RunState::Rejected || admins.is_empty() || !run.reason.as_ref().is_some_and(force::passes) {
            return Ok(reply);
        }
        let spot = Spot { app, environment };
        let rules = of_environment(environment);
        let actor = self.actor(speaker);
        let memberships = self.memberships(spot, who::to_ask(&rules, &actor, true)).await?;
        if self.in_allowed_room(speaker, spot).is_ok() && who::may_force(&rules, &actor, &memberships) == May::Yes {
            // exactly that commit, whatever the branch is by now
            let says = format!("{}! {}/{} to {}", order.task, app.name, order.sha, environment.name);
            let offers = reply.offers.iter().cloned().chain([anyway(spot, says)]).collect();
            return Ok(reply.offering(offers));
        }
        let text = format!("{}\n{}", reply.text, force::who_may(&names(admins)));
        Ok(Reply { text, ..reply })
    }

    /// Whether an admin could have what was refused here: somebody else's lock is in the way, and nothing but that.
    pub(super) async fn could_be_forced(&self, spot: Spot<'a>, refused: &Trouble) -> Result<bool, Trouble> {
        let locked = matches!(refused, Trouble::Objected(one) if matches!(one.reason, Reason::Locked { .. }));
        let lock = self.lock_at(spot).await?;
        Ok(locked && lock.is_some_and(|lock| lock.lets_its_owner_pass()))
    }

    /// A refusal that force would clear: offered to those who may force, told of to the others. `forced` is what the same would
    /// come to with force.
    pub(super) fn unless_forced(
        spot: Spot<'_>,
        refused: Trouble,
        forced: &Result<(), Trouble>,
        says: String,
    ) -> Trouble {
        let Trouble::Objected(objection) = refused else {
            return refused;
        };
        let (anyway, who_may) = match forced {
            Ok(()) => (Some(anyway(spot, says)), None),
            Err(Trouble::Objected(no))
                if matches!(no.reason, Reason::ForceNotAllowed { .. }) && !spot.environment.admins.is_empty() =>
            {
                (None, Some(force::who_may(&names(&spot.environment.admins))))
            }
            Err(_) => (None, None),
        };
        Trouble::Objected(Box::new(Objection {
            anyway,
            who_may,
            ..*objection
        }))
    }
}

fn anyway(spot: Spot<'_>, says: String) -> Offer {
    Offer {
        label: force::LABEL.to_owned(),
        says,
        caution: Some(force::caution(spot.environment.name.as_str())),
    }
}

fn names(people: &[Named]) -> Vec<String> {
    people.iter().map(Named::to_string).collect()
}
