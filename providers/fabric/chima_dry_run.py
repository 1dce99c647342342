"""Keeps a dry run dry: `fab --dry` alone does not reach a `Connection` that the fabfile makes, nor any upload.

What the fabfile's own Python does cannot be kept from happening; a call that says `dry=False` means it.
"""

import os


def apply(module):
    """Changes `invoke.runners.Runner` or `fabric.transfer.Transfer`, whichever has just been loaded."""
    if os.environ.get("CHIMA_NOOP") != "1":
        return
    if module.__name__ == "invoke.runners":
        only_show_commands(module.Runner)
    else:
        only_show_transfers(module)


def only_show_commands(runner):
    """Every command, here and there, is printed and not run."""
    run = runner.run

    def run_dry(self, command, **kwargs):
        if kwargs.get("dry") is None:
            kwargs["dry"] = True
        return run(self, command, **kwargs)

    runner.run = run_dry


def only_show_transfers(module):
    """Every upload and download is printed and not done."""

    def put(self, local, remote=None, preserve_mode=True):
        print("put {0} to {1}:{2}".format(local, self.connection.host, remote or ""))
        return module.Result(local, local, remote, remote, self.connection)

    def get(self, remote, local=None, preserve_mode=True):
        print("get {0}:{1} to {2}".format(self.connection.host, remote, local or ""))
        return module.Result(local, local, remote, remote, self.connection)

    module.Transfer.put, module.Transfer.get = put, get
