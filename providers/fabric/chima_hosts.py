"""Lets the hosts of a deployment narrow what Fabric 1 would run on.

There, `-H` adds to the hosts of `-R`, and gives way to the hosts that a task names for itself.
"""

import os


def apply(task_utils):
    """Changes `fabric.task_utils.merge`, which makes every list of hosts. Only Fabric 1 has it."""
    wanted = [host for host in os.environ.get("CHIMA_HOSTS", "").split(",") if host]
    if not wanted:
        return
    merge = task_utils.merge

    def merge_and_narrow(*args, **kwargs):
        found = merge(*args, **kwargs)
        kept = [host for host in found if host in wanted or bare(host) in wanted]
        if found and not kept:
            task_utils.abort("none of `{0}` is among the hosts `{1}`".format(", ".join(wanted), ", ".join(found)))
        return kept

    task_utils.merge = merge_and_narrow


def bare(host):
    """The name in `user@name:port`."""
    return host.rpartition("@")[2].partition(":")[0]
