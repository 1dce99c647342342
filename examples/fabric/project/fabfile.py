"""Puts `site/` on a host as a release of its own and points `current` at it: no half-copied site is ever seen."""

import os
from shlex import quote

from fabric import task

# Below the home of the account, so that nothing needs to be allowed first.
FOLDER = os.environ.get("EXAMPLE_FOLDER", "chima-example-fabric")


@task
def deploy(c, sha, environment):
    """Releases the commit."""
    base = f"{FOLDER}/{environment}"
    release = f"{base}/releases/{sha}"
    archive = f"{release}/site.tar.gz"
    print(f"releasing {sha} to {environment} on {c.host}")
    c.local("tar -czf site.tar.gz -C site .")
    c.run(f"mkdir -p {quote(release)}")
    c.put("site.tar.gz", archive)
    c.local("rm site.tar.gz")
    c.run(f"tar -xzf {quote(archive)} -C {quote(release)} && rm {quote(archive)}")
    c.run(f"ln -sfn {quote(f'releases/{sha}')} {quote(f'{base}/current')}")
    c.run(f"cat {quote(f'{base}/current/index.html')}")


@task
def current(c, environment):
    """Says which commit is live."""
    c.run(f"readlink {quote(f'{FOLDER}/{environment}/current')}")
