"""Gives Fabric's remote commands a terminal, so that they end when Fabric is stopped, and hides that terminal otherwise.

When the connection of a command without a terminal breaks, the command goes on; with one, the host hangs it up. Fabric's own
setting (`FABRIC_RUN_PTY`) is of no use: it does not reach a `Connection` that the fabfile makes, but does reach local commands.
"""

import os
import time

# Output never goes to a screen: high enough that no pager waits for a key after the first page.
COLUMNS, ROWS = 160, 10000
# How often a command that waits at the terminal for an answer hears that none will come, in seconds.
END_OF_INPUT = 1.0


def apply(runners):
    """Changes `fabric.runners.Remote`."""
    if os.environ.get("CHIMA_REMOTE_TERMINAL") != "true":
        return
    remote = runners.Remote
    run, read, answer = remote.run, remote.read_proc_stdout, remote.read_our_stdin

    def run_in_terminal(self, command, **kwargs):
        # Data for the command would be changed on its way through a terminal; what is to be left behind would be hung up.
        if kwargs.get("pty") is None and not kwargs.get("in_stream") and not kwargs.get("disown"):
            kwargs["pty"] = self.chima_terminal = True
            self.chima_held, self.chima_told = b"", time.time()
        return run(self, command, **kwargs)

    def read_without_returns(self, size):
        """A terminal ends lines with two characters; the fabfile shall see one, as it does elsewhere."""
        if not hidden(self):
            return read(self, size)
        while True:
            data = read(self, size)
            text, self.chima_held = self.chima_held + data, b""
            if data and text.endswith(b"\r"):
                text, self.chima_held = text[:-1], b"\r"
            if text or not data:
                return text.replace(b"\r\n", b"\n")

    def answer_nothing(self, stream):
        """A terminal has no end of input of its own: a command that asks would wait until the time limit."""
        data = answer(self, stream)
        # Watchers answer for themselves, for example with the password for sudo.
        if data == "" and hidden(self) and not self.watchers and time.time() - self.chima_told >= END_OF_INPUT:
            self.chima_told = time.time()
            try:
                self.channel.send(b"\x04")
            except EnvironmentError:
                # It has just ended.
                pass
        return data

    runners.pty_size = lambda: (COLUMNS, ROWS)
    remote.run = run_in_terminal
    remote.read_proc_stdout = read_without_returns
    remote.read_our_stdin = answer_nothing


def hidden(runner):
    """Whether the command has a terminal only because of us."""
    return getattr(runner, "chima_terminal", False)
