//! A folder with a role and a collection as files, and a `requirements.yml` that names both: nothing comes over a network.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

const REQUIREMENTS: &str = "\
roles:
  - { name: greeting, src: vendor/greeting.tar.gz }
collections:
  - { name: vendor/acme-tools-1.0.0.tar.gz, type: file }
";

const GALAXY: &str = "\
namespace: acme
name: tools
version: 1.0.0
readme: README.md
authors: [Mona]
";

/// Wraps a module of Ansible's own, so that nothing but the collection is tested.
const NOTE: &str = "\
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        arguments = {'dest': self._task.args['dest'], 'content': 'from a collection'}
        task = self._task.copy()
        task.args = arguments
        copy = self._shared_loader_obj.action_loader.get(
            'ansible.legacy.copy',
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        return copy.run(task_vars=task_vars)
";

/// The folder, for a project to begin with.
#[expect(clippy::disallowed_methods, reason = "packed as a person would pack it")]
pub fn folder() -> TempDir {
    let aside = tempfile::tempdir().expect("a folder");
    let project = tempfile::tempdir().expect("a folder");
    let vendor = project.path().join("vendor");
    fs::create_dir(&vendor).expect("the folder is ours");
    write(&project.path().join("requirements.yml"), REQUIREMENTS);

    let role = aside.path().join("greeting");
    write(
        &role.join("tasks/main.yml"),
        "- copy: { dest: '~/greeting', content: from a role }\n",
    );
    write(
        &role.join("meta/main.yml"),
        "galaxy_info: { description: greets }\ndependencies: []\n",
    );
    run(Command::new("tar")
        .arg("-czf")
        .arg(vendor.join("greeting.tar.gz"))
        .arg("-C")
        .arg(aside.path())
        .arg("greeting"));

    let collection = aside.path().join("tools");
    write(&collection.join("galaxy.yml"), GALAXY);
    write(&collection.join("README.md"), "# Tools\n");
    write(
        &collection.join("plugins/modules/note.py"),
        "# what the action of the same name is for\n",
    );
    write(&collection.join("plugins/action/note.py"), NOTE);
    run(Command::new("/usr/bin/ansible-galaxy")
        .args(["collection", "build", "--output-path"])
        .arg(&vendor)
        .arg(&collection)
        .env("HOME", aside.path()));
    project
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a path in our folder")).expect("the folder is ours");
    fs::write(path, text).expect("the folder is ours");
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().expect("it can be run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}
