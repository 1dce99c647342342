//! What people type, and what it is taken for: one line each.

use super::*;

/// A command on one line: `-` where nothing was said.
fn shown_as(command: &Command) -> String {
    let or = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let at = |target: &Target| format!("{} {} {}", target.app, or(&target.git_ref), or(&target.environment));
    let maybe = |target: &Option<Target>| target.as_ref().map_or_else(|| "-".to_owned(), at);
    let deploy = |deploy: &Deploy| {
        let force = if deploy.force { "!" } else { "" };
        let code = deploy.code.as_ref().map(|code| format!(" {code}")).unwrap_or_default();
        format!("{}{force} {}{code}", deploy.task, at(&deploy.target))
    };
    match command {
        Command::Deploy(one) => deploy(one),
        Command::Plan(one) => format!("plan {}", deploy(one)),
        Command::Rollback { target, to } => format!("rollback {} {}", at(target), or(to)),
        Command::Retry { target } => format!("retry {}", at(target)),
        Command::Cancel { target, reason } => format!("cancel {} {}", at(target), or(reason)),
        Command::Status { target } => format!("status {}", maybe(target)),
        Command::Queue { target } => format!("queue {}", maybe(target)),
        Command::Why { target } => format!("why {}", at(target)),
        Command::Log { target } => format!("log {}", at(target)),
        Command::Diff { target } => format!("diff {}", at(target)),
        Command::Deploys { target } => format!("deploys {}", at(target)),
        Command::Where { app } => format!("where {app}"),
        Command::Builds { target } => format!("builds {}", at(target)),
        Command::Contains { sha } => format!("contains {sha}"),
        Command::Lock(lock) => format!(
            "lock{} {} [{}] {} {}",
            match lock.otherwise {
                Otherwise::Refuse => "",
                Otherwise::Steal => "!",
                Otherwise::Wait => "~",
            },
            lock.app,
            lock.environments.join(" "),
            or(&lock.length.map(|length| length.to_string())),
            or(&lock.reason)
        ),
        Command::Unlock { app, environments } => format!("unlock {app} [{}]", environments.join(" ")),
        Command::UnlockAll => "unlock all".to_owned(),
        Command::Locks { app } => format!("locks {}", or(app)),
        Command::Help { about } => format!("help {}", or(about)),
        Command::Version => "version".to_owned(),
    }
}

fn understood(typed: &str) -> String {
    match parse(typed) {
        Ok(command) => shown_as(&command),
        Err(Misunderstood::Nothing) => "nothing".to_owned(),
        Err(Misunderstood::Unknown { typed, nearest, .. }) => {
            format!("? {typed} {}", nearest.map_or("-", |entry| entry.name))
        }
        Err(Misunderstood::Form { entry, found }) => format!("! {}: {found}", entry.name),
    }
}

fn all(table: &[(&str, &str)]) {
    let wrong: Vec<String> = table
        .iter()
        .map(|(typed, expected)| (typed, understood(typed), expected))
        .filter(|(_, found, expected)| found != *expected)
        .map(|(typed, found, expected)| format!("{typed}\n  found    {found}\n  expected {expected}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The cases of hubot-deploy's own tests, and those measured with its pattern.
#[test]
fn all_that_hubot_deploy_understood() {
    let key = "ccccccdlnncbtuevhdbctrccukdciveuclhbkvehbeve";
    all(&[
        ("deploy hubot", "deploy hubot - -"),
        ("deploy! hubot", "deploy! hubot - -"),
        ("deploy:migrate hubot", "deploy:migrate hubot - -"),
        ("deploy:migrate! hubot", "deploy:migrate! hubot - -"),
        (
            "deploy hubot/mybranch to production",
            "deploy hubot mybranch production",
        ),
        ("deploy hubot to production", "deploy hubot - production"),
        ("deploy hubot in production", "deploy hubot - production"),
        ("deploy hubot on production", "deploy hubot - production"),
        ("deploy hubot to production/fe", "deploy hubot - production/fe"),
        (
            "deploy hubot/atmos/branch to production/fe",
            "deploy hubot atmos/branch production/fe",
        ),
        (
            &format!("deploy hubot/atmos/branch to production/fe {key}"),
            &format!("deploy hubot atmos/branch production/fe {key}"),
        ),
        (
            "deploy hubot/atmos/branch to production/fe 123456",
            "deploy hubot atmos/branch production/fe 123456",
        ),
        ("deploy hubot 123456", "deploy hubot - - 123456"),
        ("deploy! hubot/x to prod", "deploy! hubot x prod"),
        ("deploy:lock hubot in production", "lock hubot [production] - -"),
        ("deploy:unlock hubot in production", "unlock hubot [production]"),
        ("deploy:version", "version"),
        (
            "deploy hubot/a/b to staging/fe,be 123456",
            "deploy hubot a/b staging/fe,be 123456",
        ),
        ("deploy trellhub/edge to pandawork", "deploy trellhub edge pandawork"),
        ("deploy Hubot to Prod", "deploy Hubot - Prod"),
        ("please deploy hubot", "deploy hubot - -"),
        (
            "hey, can you deploy:migrate hubot/x to staging",
            "deploy:migrate hubot x staging",
        ),
        ("DEPLOY hubot TO staging", "deploy hubot - staging"),
        ("deploy   hubot\tto\n staging ", "deploy hubot - staging"),
        ("deploy my_app-2.0/1.2 to eu-1", "deploy my_app-2.0 1.2 eu-1"),
        ("deploy:a:b hubot", "deploy:a:b hubot - -"),
        ("deploys hubot", "deploys hubot - -"),
        ("deploys hubot in production", "deploys hubot - production"),
        (
            "deploys hubot/mybranch to production",
            "deploys hubot mybranch production",
        ),
        ("deploys hubot in production please", "deploys hubot - production"),
        ("where can i deploy hubot", "where hubot"),
        ("where can I deploy hubot?", "where hubot"),
        // it was silent about these
        ("ping", "? ping -"),
        ("image me pugs", "? image -"),
        ("deploy hubot staging", "deploy hubot - staging"),
        (
            "deploy hubot/branch tos taging",
            "! deploy: `taging` follows the environment",
        ),
        (
            "deploy hubot/atmos/branch to production/fe burgers",
            "! deploy: `burgers` follows the environment",
        ),
        ("deploy hubot to staging now", "! deploy: `now` follows the environment"),
        ("deploy hub ot to x", "! deploy: `to` follows the environment"),
        ("deploy", "! deploy: nothing is named"),
        ("deploy hubot to", "! deploy: no environment follows `to`"),
        (
            "deploy hubot/ to staging",
            "! deploy: `hubot/` lacks the app or the ref",
        ),
        ("deploy /edge to staging", "! deploy: `/edge` lacks the app or the ref"),
        // it took this for a deployment
        ("undeploy hubot", "? undeploy deploy"),
    ]);
}

#[test]
fn deployments_as_people_ask_for_them() {
    all(&[
        ("deploy trelhub/edge to pandawork", "deploy trelhub edge pandawork"),
        (
            "deploy trelhub/feature/x/y to staging",
            "deploy trelhub feature/x/y staging",
        ),
        ("deploy trelhub/4f3c2b1a to staging", "deploy trelhub 4f3c2b1a staging"),
        ("deploy trelhub/v1.2.3 on live", "deploy trelhub v1.2.3 live"),
        ("deploy trelhub staging", "deploy trelhub - staging"),
        ("deploy trelhub/edge staging", "deploy trelhub edge staging"),
        ("deploy `trelhub/edge` to `staging`", "deploy trelhub edge staging"),
        ("deploy trelhub to \"my env\"", "deploy trelhub - my env"),
        ("deploy trelhub to staging?", "deploy trelhub - staging"),
        ("deploy trelhub to staging.", "deploy trelhub - staging"),
        ("Deploy Trelhub to staging", "deploy Trelhub - staging"),
        ("deploy:Migrate trelhub", "deploy:migrate trelhub - -"),
        ("redeploy trelhub staging", "retry trelhub - staging"),
        ("plan trelhub/edge to production", "plan deploy trelhub edge production"),
        ("plan trelhub", "plan deploy trelhub - -"),
        ("noop trelhub to production", "plan deploy trelhub - production"),
        ("dry-run trelhub to production", "plan deploy trelhub - production"),
        ("deploy:plan trelhub to production", "plan deploy trelhub - production"),
        ("deploy:migrate:plan trelhub", "plan deploy:migrate trelhub - -"),
        (
            "deploy trelhub to production 12345",
            "! deploy: `12345` follows the environment",
        ),
        (
            "deploy trelhub to production 1234567",
            "! deploy: `1234567` follows the environment",
        ),
        ("deploy trelhub/-x to production", "deploy trelhub -x production"),
        ("deploy --help", "help deploy"),
        ("deploy help", "help deploy"),
        ("plan", "! plan: nothing is named"),
        (
            "deploy trelhub to staging production",
            "! deploy: `production` follows the environment",
        ),
    ]);
}

#[test]
fn what_was_deployed_and_how_it_stands() {
    all(&[
        ("status", "status -"),
        ("status trelhub", "status trelhub - -"),
        ("status trelhub production", "status trelhub - production"),
        ("status trelhub in production", "status trelhub - production"),
        ("Status?", "status -"),
        ("state trelhub", "status trelhub - -"),
        ("queue", "queue -"),
        ("queue trelhub", "queue trelhub - -"),
        ("queue trelhub production", "queue trelhub - production"),
        ("why trelhub production", "why trelhub - production"),
        ("why trelhub production?", "why trelhub - production"),
        ("why trelhub", "why trelhub - -"),
        ("why 01JAZ3N8", "why 01JAZ3N8 - -"),
        ("why", "! why: nothing is named"),
        ("why is it red", "! why: `red` follows the environment"),
        ("log trelhub staging", "log trelhub - staging"),
        ("logs trelhub", "log trelhub - -"),
        ("log 01JAZ3N8", "log 01JAZ3N8 - -"),
        ("diff trelhub production", "diff trelhub - production"),
        ("diff trelhub/edge to production", "diff trelhub edge production"),
        ("compare trelhub production", "diff trelhub - production"),
        ("history trelhub", "deploys trelhub - -"),
        ("deploys trelhub production", "deploys trelhub - production"),
        ("where trelhub", "where trelhub"),
        ("where can we deploy trelhub", "where trelhub"),
        ("where", "! where: no app is named"),
        ("where can i deploy", "! where: no app is named"),
        ("where can i deploy a b", "! where: no app is named"),
        ("where is 4f3c2b1a", "contains 4f3c2b1a"),
        ("where is trelhub", "where trelhub"),
        ("builds trelhub", "builds trelhub - -"),
        ("builds trelhub/edge", "builds trelhub edge -"),
        ("ci trelhub/edge", "builds trelhub edge -"),
        ("checks trelhub/feature/x", "builds trelhub feature/x -"),
        ("auto_deploy status 4f3c2b1a", "contains 4f3c2b1a"),
        ("auto-deploy status 4F3C2B1A", "contains 4f3c2b1a"),
        ("auto_deploy 4f3c2b1a", "contains 4f3c2b1a"),
        (
            "auto_deploy:status 4f3c2b1a9d8e7f60514233241506978afbecd0e1",
            "contains 4f3c2b1a9d8e7f60514233241506978afbecd0e1",
        ),
        ("contains 4f3c2b1", "contains 4f3c2b1"),
        ("contains 4f3c2b", "! contains: `4f3c2b` is no commit"),
        ("contains main", "! contains: `main` is no commit"),
        ("auto_deploy status", "! contains: no commit is named"),
        (
            "contains 4f3c2b1a 4f3c2b1b",
            "! contains: `4f3c2b1b` is a word too many",
        ),
    ]);
}

#[test]
fn what_changes_a_run_that_is_there() {
    all(&[
        ("cancel trelhub staging", "cancel trelhub - staging -"),
        ("cancel trelhub", "cancel trelhub - - -"),
        (
            "cancel trelhub in staging: wrong branch",
            "cancel trelhub - staging wrong branch",
        ),
        ("cancel 01JAZ3N8: sorry", "cancel 01JAZ3N8 - - sorry"),
        ("cancel 01JAZ3N8", "cancel 01JAZ3N8 - - -"),
        ("stop trelhub staging", "cancel trelhub - staging -"),
        ("abort trelhub staging", "cancel trelhub - staging -"),
        ("cancel", "! cancel: nothing is named"),
        (
            "cancel everything in staging now",
            "! cancel: `now` follows the environment",
        ),
        ("retry trelhub staging", "retry trelhub - staging"),
        ("retry trelhub", "retry trelhub - -"),
        ("again trelhub to staging", "retry trelhub - staging"),
        ("retry", "! retry: nothing is named"),
        ("rollback trelhub production", "rollback trelhub - production -"),
        ("rollback trelhub", "rollback trelhub - - -"),
        ("rollback trelhub in production", "rollback trelhub - production -"),
        ("rollback trelhub to production", "rollback trelhub - production -"),
        (
            "rollback trelhub production to 4f3c2b1a",
            "rollback trelhub - production 4f3c2b1a",
        ),
        (
            "rollback trelhub on production to 4f3c2b1a",
            "rollback trelhub - production 4f3c2b1a",
        ),
        (
            "rollback trelhub to production to v1.2",
            "rollback trelhub - production v1.2",
        ),
        ("rollback trelhub to 4f3c2b1a", "rollback trelhub - - 4f3c2b1a"),
        ("roll-back trelhub production", "rollback trelhub - production -"),
        ("rollback", "! rollback: nothing is named"),
    ]);
}

#[test]
fn locks() {
    all(&[
        ("lock trelhub production", "lock trelhub [production] - -"),
        ("lock trelhub", "lock trelhub [] - -"),
        ("lock trelhub in production", "lock trelhub [production] - -"),
        ("lock trelhub/production", "lock trelhub [production] - -"),
        (
            "lock trelhub production: the database moves",
            "lock trelhub [production] - the database moves",
        ),
        ("lock trelhub production for 2h", "lock trelhub [production] 2h -"),
        (
            "lock trelhub production for 2h: release: 1.2",
            "lock trelhub [production] 2h release: 1.2",
        ),
        ("lock trelhub production for 2 hours", "lock trelhub [production] 2h -"),
        ("lock trelhub for 30m", "lock trelhub [] 30m -"),
        (
            "lock trelhub staging,production: freeze",
            "lock trelhub [staging production] - freeze",
        ),
        (
            "lock trelhub staging, production: freeze",
            "lock trelhub [staging production] - freeze",
        ),
        (
            "lock trelhub staging and production",
            "lock trelhub [staging production] - -",
        ),
        (
            "lock trelhub staging production eu",
            "lock trelhub [staging production eu] - -",
        ),
        (
            "lock! trelhub production: on call",
            "lock! trelhub [production] - on call",
        ),
        ("lock trelhub production:", "lock trelhub [production] - -"),
        ("lock trelhub production : why", "lock trelhub [production] - why"),
        ("lock production on trelhub: mine", "lock production [trelhub] - mine"),
        ("lock", "! lock: no app is named"),
        ("lock: all of it", "? lock: lock"),
        ("lock trelhub for", "! lock: no time follows `for`"),
        ("lock trelhub for: ever", "! lock: no time follows `for`"),
        (
            "lock trelhub for ever",
            "! lock: `ever` is no length of time such as `30m`, `2h` or `1d`",
        ),
        (
            "lock trelhub for 90 days",
            "! lock: `90 days` is no length of time such as `30m`, `2h` or `1d`",
        ),
        ("lock trelhub production --steal", "lock! trelhub [production] - -"),
        ("wait for trelhub production", "lock~ trelhub [production] - -"),
        (
            "wait for trelhub production for 1h: hotfix",
            "lock~ trelhub [production] 1h hotfix",
        ),
        ("wait trelhub", "lock~ trelhub [] - -"),
        (
            "lock trelhub production --wait: hotfix",
            "lock~ trelhub [production] - hotfix",
        ),
        ("unlock trelhub production", "unlock trelhub [production]"),
        ("unlock trelhub", "unlock trelhub []"),
        (
            "unlock trelhub staging,production",
            "unlock trelhub [staging production]",
        ),
        ("unlock trelhub on production", "unlock trelhub [production]"),
        ("unlock all", "unlock all"),
        ("unlock all mine", "unlock all"),
        ("unlock all my locks", "unlock all"),
        ("unlock everything", "unlock all"),
        ("unlock mine", "unlock all"),
        ("unlock", "! unlock: no app is named"),
        ("locks", "locks -"),
        ("locks trelhub", "locks trelhub"),
        ("locks trelhub production", "! locks: `production` is a word too many"),
        ("lock help", "help lock"),
    ]);
}

#[test]
fn everything_else_gets_an_answer_too() {
    all(&[
        ("help", "help -"),
        ("help lock", "help lock"),
        ("commands", "help -"),
        ("?", "help -"),
        ("help lock unlock", "! help: `unlock` is a word too many"),
        ("version", "version"),
        ("", "nothing"),
        ("   \n", "nothing"),
        ("deplyo trelhub to staging", "? deplyo deploy"),
        ("depoly trelhub", "? depoly deploy"),
        ("rolback trelhub", "? rolback rollback"),
        ("stauts", "? stauts status"),
        ("hello", "? hello -"),
        ("ship it", "? ship -"),
        ("good morning everyone", "? good -"),
        ("let's deploy trelhub to staging", "deploy trelhub - staging"),
        ("\u{1b}[31mdeploy", "? \\u{1b}[31mdeploy -"),
    ]);
}

#[test]
fn the_answer_to_what_is_no_command_says_what_would_be_one() {
    let answer = |typed: &str| parse(typed).unwrap_err().to_string();
    assert_eq!(
        answer("deplyo x to staging"),
        "`deplyo` is no command; did you mean `deploy x to staging`?"
    );
    assert_eq!(
        answer("deplyo"),
        "`deplyo` is no command; did you mean `deploy[:TASK][!] APP[/REF] [to ENVIRONMENT[/HOSTS]]`, for example \
         `deploy trelhub/edge to staging`?"
    );
    assert_eq!(
        answer("ship it"),
        "`ship` is no command; `help` lists the commands, and a deployment is `deploy APP[/REF] to ENVIRONMENT`"
    );
    assert_eq!(
        answer("deploy hubot to"),
        "no environment follows `to`; expected `deploy[:TASK][!] APP[/REF] [to ENVIRONMENT[/HOSTS]]`, for example \
         `deploy trelhub/edge to staging`"
    );
    assert_eq!(
        answer(""),
        "say what to do, for example `deploy trelhub/edge to staging`; `help` lists the commands"
    );
}

#[test]
fn the_manual_is_understood() {
    let mut verbs = Vec::new();
    for entry in MANUAL {
        assert!(!verbs.contains(&entry.verb), "{} is there twice", entry.name);
        verbs.push(entry.verb);
        for example in entry.examples {
            let command = parse(example).unwrap_or_else(|error| panic!("{example}: {error}"));
            let first = shown_as(&command);
            let first = first.split([' ', ':', '!', '~']).next().unwrap_or_default();
            let name = if entry.verb == Verb::Wait { "lock" } else { entry.name };
            assert_eq!(first, name, "{example}");
        }
    }
    for (alias, _) in ALIASES {
        assert!(entry(alias).is_none(), "{alias} is a command of its own");
    }
}

#[test]
fn nothing_that_can_be_typed_is_too_much() {
    let long = "a".repeat(100_000);
    for typed in [
        long.as_str(),
        &format!("deploy {long}"),
        &"deploy ".repeat(10_000),
        &"\"".repeat(10_001),
        "lock \u{202e}site: \u{0}",
        "deploy \u{1f680}/\u{1f680} to \u{1f680}",
        "déploy ünïcode to straße",
        "\u{201c}\u{201d}",
    ] {
        let _ = understood(typed);
    }
}
