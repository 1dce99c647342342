//! The `config.py` of PYBOSSA's deployments server.

use super::{apps, made, refused};

#[test]
fn a_realistic_file_is_carried_over() {
    insta::assert_snapshot!(made(r#"
# -*- coding: utf8 -*-
"""Deployments of the lab."""
import os

DEBUG = False
SECRET = os.environ['WEBHOOK_SECRET']
TOKEN = 'not-to-be-copied'
SLACK_WEBHOOK = ('https://hooks.slack.com/'
                 'services/T0/B0/not-to-be-copied')
BASE = '/srv'

REPOS = {
    'lab/crowd': {'folder': '/srv/crowd',
                  'required_contexts': ["continuous-integration/travis-ci"],
                  # one after the other
                  'commands': [['git', 'fetch'],
                               ['git', 'pull', 'origin', 'master'],
                               ['sh', '-c', 'touch a && touch b'],
                               ['curl', '-H', 'Authorization: Bearer not-to-be-copied', 'https://example.com/']]},
    u'lab/docs': {
        'ansible_hosts': 'ansible_hosts',
        'ansible_playbook': 'playbook.yml',
        'owner': u'm\u00f4na',
    },
    'lab/empty': {'folder': '/srv/empty'},
    'lab/computed': {'folder': BASE + '/computed', 'commands': [['make', 'install', TARGET]]},
}

if DEBUG:
    REPOS = {}
"#), @r#"
    # Made by `chima import` from `the file`, the config.py of PYBOSSA's deployments server.
    # Comments that begin with "Not carried over" or "To do" need a person. `chima check` says whether it loads.
    #
    # Not carried over: line 4: a statement that begins with `import`; line 30: `if` and what is in it. Only
    # literals are read; nothing is executed.
    #
    # Not carried over: `DEBUG`, `BASE`: no such setting here.

    github:
      # To do: put what `TOKEN` holds into the variable below of Chima's process, or make a GitHub App.
      token: { env: GITHUB_TOKEN }
      # To do: put what `SECRET` holds into the variable below of Chima's process. It must have 16 bytes;
      # `openssl rand -hex 32` makes a good one.
      webhook_secrets: [{ env: CHIMA_WEBHOOK_SECRET }]

    slack:
      # To do: put what `SLACK_WEBHOOK` holds into the variable below of Chima's process.
      incoming_webhook: { env: SLACK_INCOMING_WEBHOOK }

    apps:
      crowd:
        repository: lab/crowd
        required_contexts: [continuous-integration/travis-ci]
        provider: shell
        # To do: command 3 was code for a shell, which is not carried over. Write it as the script
        # `./script/step-3`.
        # To do: argument 2 of command 4 looks like a secret and is empty here. Put it into the variable
        # `AUTHORIZATION` of Chima's process, and let the program read that.
        # To do: `git pull` deploys whatever the branch is at. To deploy what was asked for, write `[git, fetch]`
        # and `[git, checkout, --detach, "{{sha}}^{commit}"]`.
        with:
          folder: /srv/crowd
          commands:
            - [git, fetch]
            - [git, pull, origin, master]
            - [./script/step-3]
            - [curl, "-H", "", https://example.com/]
        # The commands had all variables of the server. These two are what git needs for its keys.
        inherit_env: [HOME, SSH_AUTH_SOCK]
        secrets:
          AUTHORIZATION: { env: AUTHORIZATION }
        environments:
          production:
            # The server deployed every merged pull request, whatever branch it was for; this is the default
            # branch.
            auto_deploy: { on: merged_pull_request }

      docs:
        repository: lab/docs
        # Not carried over: `owner`: no such key here.
        # As before: where none were named, none were asked for.
        required_contexts: []
        provider: ansible
        # To do: the server read relative paths from its own folder. Here they are paths of the repository: add
        # the files to it, or write whole paths.
        with: { inventory: ansible_hosts, playbook: playbook.yml }
        environments:
          production:
            auto_deploy: { on: merged_pull_request }

      # Not carried over: `lab/empty`: it has neither `commands` nor `ansible_hosts` with `ansible_playbook`.

      computed:
        repository: lab/computed
        # Not carried over: `folder`: line 27 would have to be executed.
        # As before: where none were named, none were asked for.
        required_contexts: []
        provider: shell
        # To do: argument 2 of command 1 would have to be executed. Write it as the script `./script/step-1`.
        # To do: write the `folder` in which the commands are to run.
        with: { folder: /__FOLDER__, commands: [[./script/step-1]] }
        # The commands had all variables of the server. These two are what git needs for its keys.
        inherit_env: [HOME, SSH_AUTH_SOCK]
        environments:
          production:
            auto_deploy: { on: merged_pull_request }
    "#);
}

#[test]
fn the_servers_own_template_for_ansible_is_understood_where_it_is_python() {
    let yaml =
        apps("REPOS = [{'repo': 'user/repo', 'ansible_hosts': '/etc/hosts.ini', 'ansible_playbook': '/etc/p.yml'}]\n");
    assert!(
        yaml.contains("with: { inventory: /etc/hosts.ini, playbook: /etc/p.yml }"),
        "{yaml}"
    );
    insta::assert_snapshot!(
        refused("REPOS = [{'repo': 'user/repo',\n  ansible_hosts: 'ansible_hosts',\n  ansible_playbook: 'playbook.yml'}]\n"),
        @"
    `FILE`, read as the config.py of PYBOSSA's deployments server, has nothing that could be deployed; nothing is written
      `user/repo`: it has neither `commands` nor `ansible_hosts` with `ansible_playbook`.
      line 2, where the key is no text, line 3, where the key is no text: no such key here.
    "
    );
}

#[test]
fn a_relative_folder_and_half_a_playbook_are_told() {
    insta::assert_snapshot!(
        apps("REPOS = {'o/r': {'folder': 'here', 'commands': [['make']], 'ansible_hosts': 'x', 'required_contexts': None}}"),
        @"
    apps:
      r:
        repository: o/r
        # Not carried over: `ansible_hosts` or `ansible_playbook`: the server used them only together.
        # As before: where none were named, none were asked for.
        required_contexts: []
        provider: shell
        # To do: `folder` was relative to where the server was started: write the whole path.
        with: { folder: /__FOLDER__/here, commands: [[make]] }
        # The commands had all variables of the server. These two are what git needs for its keys.
        inherit_env: [HOME, SSH_AUTH_SOCK]
        environments:
          production:
            # The server deployed every merged pull request, whatever branch it was for; this is the default
            # branch.
            auto_deploy: { on: merged_pull_request }
    "
    );
}

#[test]
fn a_playbook_that_cannot_be_read_waits_for_a_person() {
    let yaml = apps(
        "REPOS = {'o/r': {'ansible_hosts': HOSTS, 'ansible_playbook': 'p.yml', 'commands': [['make']], 'folder': '/x'}}",
    );
    assert!(yaml.contains("provider: manual"), "{yaml}");
    assert!(!yaml.contains("make"), "{yaml}");
}

#[test]
fn a_context_that_cannot_be_read_asks_for_all() {
    for list in ["['ci', NAME]", "CONTEXTS"] {
        let yaml = apps(&format!(
            "REPOS = {{'o/r': {{'folder': '/x', 'commands': [['make']], 'required_contexts': {list}}}}}"
        ));
        assert!(
            yaml.contains("# To do: `required_contexts` would have to be executed"),
            "{yaml}"
        );
        assert!(!yaml.contains("required_contexts:"), "{yaml}");
    }
}

#[test]
fn everything_that_is_wrong_is_told_with_its_line_and_without_its_value() {
    insta::assert_snapshot!(refused("
REPOS = {
    'o/a': {'commands': 'git pull', 'folder': 7, 'required_contexts': 'ci'},
    'o/b': {'commands': ['git pull', ['make', None]], 'folder': '/x'},
    'nobody': {'commands': [['make']], 'folder': '/x'},
    'o/c': 'ghp_0123456789',
    'o/d': {'ansible_hosts': True, 'ansible_playbook': 'p'},
    7: {},
}
"), @"
    `FILE`, read as the config.py of PYBOSSA's deployments server, cannot be imported
      line 3: `REPOS['o/a']['required_contexts']` is a text; expected a list of texts
      line 3: `REPOS['o/a']['commands']` is a text; expected a list of commands, each a list of texts
      line 4: `REPOS['o/b']['commands'][0]` is a text; expected a list of program and arguments
      line 4: `REPOS['o/b']['commands'][1][1]` is None; expected a text
      line 5: a key of `REPOS` is no repository; expected `owner/name` of letters, digits, `.`, `_` and `-`
      line 6: `REPOS['o/c']` is a text; expected a dict with `commands`
      line 7: `REPOS['o/d']['ansible_hosts']` is True or False; expected a text
      line 8: `a key of REPOS` is a number; expected the text `owner/name`
    ");
    insta::assert_snapshot!(refused("REPOS = read()\n"), @"
    `FILE`, read as the config.py of PYBOSSA's deployments server, cannot be imported
      line 1: `REPOS` is not a literal; expected a dict of repositories
    ");
    insta::assert_snapshot!(refused("REPOS = {\n  'o/r': {'folder': '/x}\n}\n"), @"FILE:2: not valid Python: a string that does not end; expected `'`");
    insta::assert_snapshot!(refused("REPOS = {}\n"), @"`FILE`, read as the config.py of PYBOSSA's deployments server, has nothing that could be deployed; nothing is written");
}
