//! Who may change something: refused before anything is done, by the same rules as what is delivered later.

use crate::domain::actor::{Actor, Named};
use crate::domain::conversation::{Offer, Place, Reply, Speaker};
use crate::domain::lock;
use crate::domain::run::Run;
use crate::flow::chat::{Conversation, Spot, Trouble};
use crate::flow::gather;
use crate::flow::people;
use crate::flow::rules::of_environment;
use crate::policy::facts::Membership;
use crate::policy::who::{self, Change};
use crate::report::chat as words;
use crate::report::force;
use crate::report::sentence::sentence;

impl<'a> Conversation<'a> {
    /// Whom Chima takes a speaker for.
    pub(super) fn actor(&self, speaker: &Speaker) -> Actor {
        people::actor(self.config(), speaker)
    }

    /// Refuses what is said in a room from which nothing may be changed there.
    pub(super) fn in_allowed_room(&self, speaker: &Speaker, spot: Spot<'a>) -> Result<(), Trouble> {
        let Place::Room { room, id, .. } = &speaker.place else {
            return Ok(());
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
            Change::Unknown { detail } => Err(Trouble::refused("github_unavailable", words::nothing_done(&detail))),
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

    /// Whether an admin could have what was refused here: somebody else's lock is in the way, and nothing but that.
    pub(super) async fn could_be_forced(&self, spot: Spot<'a>, refused: &Trouble) -> Result<bool, Trouble> {
        let locked = matches!(refused, Trouble::Refused(reply) if reply.reason == Some("locked"));
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
        let Trouble::Refused(reply) = refused else {
            return refused;
        };
        match forced {
            Ok(()) => {
                let offer = Offer {
                    label: force::LABEL.to_owned(),
                    says,
                    caution: Some(force::caution(spot.environment.name.as_str())),
                };
                Trouble::Refused(Box::new(reply.offering(vec![offer])))
            }
            Err(Trouble::Refused(no))
                if no.reason == Some("force_not_allowed") && !spot.environment.admins.is_empty() =>
            {
                let admins: Vec<String> = spot.environment.admins.iter().map(Named::to_string).collect();
                let text = format!("{}; {}", reply.text, force::who_may(&admins));
                Trouble::Refused(Box::new(Reply { text, ..*reply }))
            }
            Err(_) => Trouble::Refused(reply),
        }
    }
}
