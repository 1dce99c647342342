//! What the policy would say to what somebody wants to ask for. Nobody needs a deployment to hear that.

use serde_json::{Value, json};

use crate::domain::conversation::Speaker;
use crate::domain::deployment::Deployment;
use crate::domain::ids::{DeploymentId, RepositoryId};
use crate::domain::lock::Place as At;
use crate::domain::names::Sha;
use crate::domain::run::LaneKey;
use crate::domain::warrant::Warrant;
use crate::flow::chat::ask::told;
use crate::flow::chat::commits::Home;
use crate::flow::chat::{Conversation, Objection, Spot, Trouble};
use crate::flow::gather::{further, lane_facts};
use crate::flow::rules::rules;
use crate::policy::decide::decide;
use crate::policy::decision::{Decision, Verdict};
use crate::policy::facts::{Contexts, Facts, History, LaneFacts, LockFacts, Own, WhoFacts};
use crate::policy::needs::{needs, people};
use crate::policy::rules::Rules;
use crate::store::runs::Part;

/// A commit that might be deployed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Commit<'c> {
    pub(super) home: &'c Home,
    pub(super) git_ref: &'c str,
    pub(super) sha: &'c Sha,
}

impl<'a> Conversation<'a> {
    /// Refuses what the policy would reject by its words alone, or because of who asks: nobody needs a deployment to hear that.
    pub(super) async fn object(
        &self,
        speaker: &Speaker,
        spot: Spot<'a>,
        what: (&str, &[String]),
        force: bool,
    ) -> Result<(), Trouble> {
        let decision = self.decision(speaker, spot, what, (force, None)).await?;
        match decision.reasons.first().filter(|_| decision.verdict == Verdict::Reject) {
            Some(reason) => Err(Trouble::Objected(Box::new(Objection::of(reason)))),
            None => Ok(()),
        }
    }

    /// What the policy would decide if it were asked for now: about a commit, where one is named, with its contexts and what is
    /// in the lane.
    pub(super) async fn decision(
        &self,
        speaker: &Speaker,
        spot: Spot<'a>,
        (task, hosts): (&str, &[String]),
        (force, commit): (bool, Option<Commit<'_>>),
    ) -> Result<Decision, Trouble> {
        self.in_allowed_room(speaker, spot)?;
        let repository = spot.app.repository.to_string();
        let actor = self.actor(speaker);
        let nonce = "not written down yet";
        let mut payload = told(speaker, &actor);
        payload.insert("hosts".to_owned(), json!(hosts));
        payload.insert("actor".to_owned(), json!(actor.known_as()));
        payload.insert("nonce".to_owned(), json!(nonce));
        let mut asked = Deployment {
            host: self.config().github.host.clone(),
            repository_id: commit.map_or(RepositoryId(0), |commit| commit.home.id),
            repository: repository.clone(),
            // newer than all that are there
            id: DeploymentId(commit.map_or(0, |_| u64::MAX)),
            sha: commit.map_or_else(|| Sha::null().to_string(), |commit| commit.sha.to_string()),
            git_ref: commit.map_or("HEAD", |commit| commit.git_ref).to_owned(),
            task: task.to_owned(),
            environment: spot.environment.name.to_string(),
            payload: Value::Object(payload),
            description: None,
            creator: None,
            app_slug: None,
            from_workflow: false,
            installation: None,
            created_at: self.desk.now(),
        };
        let mut rules = rules(self.config()).for_repository(&repository);
        let warrant = Warrant {
            nonce: nonce.to_owned(),
            host: asked.host.clone(),
            repository_id: asked.repository_id,
            place: At {
                app: spot.app.name.clone(),
                environment: spot.environment.name.clone(),
            },
            task: asked.task.clone(),
            git_ref: asked.git_ref.clone(),
            branch: None,
            actor,
            room: None,
            force,
            at: asked.created_at,
            deployment: None,
        };
        let mut facts = Facts {
            now: self.desk.now(),
            contexts: Contexts::NotNeeded,
            lane: LaneFacts::default(),
            history: History::NotNeeded,
            lock: None,
            who: WhoFacts {
                warrant: Some(warrant),
                ..WhoFacts::default()
            },
        };
        if let Some(lock) = self.lock_at(spot).await? {
            // as whom it will be made decides whether the lock lets it pass
            if let Some(slug) = Box::pin(self.github.own_slug()).await? {
                asked.creator = Some(format!("{slug}[bot]"));
                rules.known_apps.push(slug);
            }
            let automatic = false;
            facts.lock = Some(LockFacts { lock, automatic });
        }
        // whoever we are, we are about to make it
        facts.who.own = Own::Login(asked.creator.clone().unwrap_or_default());
        let teams = people(&asked, &rules, &facts.who).teams;
        facts.who.memberships = self.memberships(spot, teams).await?;
        if let Some(commit) = commit {
            self.look_at(&asked, &rules, &mut facts, commit).await?;
        }
        Ok(decide(&asked, &facts, &rules))
    }

    /// What a decision about a commit needs beside that.
    async fn look_at(
        &self,
        asked: &Deployment,
        rules: &Rules,
        facts: &mut Facts,
        commit: Commit<'_>,
    ) -> Result<(), Trouble> {
        let needs = needs(asked, rules);
        let Some(order) = &needs.order else {
            return Ok(());
        };
        if needs.contexts {
            let (name, installation) = (commit.home.name.as_str(), commit.home.installation);
            let found = Box::pin(self.github.contexts(name, installation, commit.sha)).await?;
            facts.contexts = Contexts::Gathered(found);
        }
        if needs.lane {
            let lane = LaneKey::new(&asked.host, asked.repository_id, &order.environment, order.noop);
            // it would be the newest: all of them come before it, or give way
            let contents = self.desk.store.lane(&lane, None, Part::Last).await?;
            let further = further(self.desk.store, &lane, None, &contents).await?;
            facts.lane = lane_facts(contents, further);
        }
        Ok(())
    }
}
