"""Writes what became of every host as JSON lines, for Chima to read after the playbook.

A notification callback: Ansible's own output stays as it is. It works in ansible-core 2.14 to 2.19 and needs nothing but a
folder in ANSIBLE_CALLBACK_PLUGINS and the path of a file in CHIMA_RESULTS; without the latter it does nothing.

    {"event": "failed", "host": h, "task": t, "message": m}       neither ignored nor rescued
    {"event": "unreachable", "host": h, "task": t, "message": m}
    {"event": "unmatched", "pattern": p}                          a part of the limit that is no host
    {"event": "no_hosts", "play": p}                              a play without hosts
    {"event": "empty_play", "play": p}                            the same where that is in order
    {"event": "host", "host": h, "ok": n, "changed": n, ...}      one for every host, at the end
    {"event": "end", "plays": n}                                  the last line, always

Whoever finds no `end` knows that the account is incomplete. For the same reason nothing is written after the first line that
could not be.
"""

from __future__ import annotations

import functools
import json
import os

from ansible import context
from ansible.inventory.manager import split_host_pattern
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: chima_results
type: notification
short_description: writes results as JSON lines
description:
  - Writes failures while they happen, and the counts of every host at the end, to a file for Chima.
requirements:
  - the environment variable CHIMA_RESULTS with the path of the file
options: {}
"""

LENGTH = 300

# What stands before a message and says nothing.
PREFACES = ("Task failed: ", "Module failed: ", "Action failed: ", "Failed to connect to the host via ssh: ")


def harmless(method):
    """Makes trouble in here a warning: an account that cannot be written must not fail a deployment that works."""

    @functools.wraps(method)
    def guarded(self, *args, **kwargs):
        if self._path is None:
            return
        try:
            method(self, *args, **kwargs)
        except Exception as error:  # whatever it is
            self._path = None
            self._display.warning(f"chima_results stops: {error}")

    return guarded


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "chima_results"
    # The folder is enough, so that `callbacks_enabled` in the project's own ansible.cfg keeps its meaning.
    CALLBACK_NEEDS_ENABLED = False

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        # Taken out, so that an Ansible which a task starts on this machine does not write into the same file.
        self._path = os.environ.pop("CHIMA_RESULTS", None) or None
        self._allows_empty_plays = os.environ.pop("CHIMA_ALLOW_EMPTY_PLAYS", "") == "true"
        self._plays = set()
        self._play = ""
        self._told = set()
        self._held = []

    @harmless
    def v2_playbook_on_play_start(self, play):
        if not self._plays:
            self._tell_unmatched(play._variable_manager._inventory)
        # Once for every batch of a play with `serial`.
        self._plays.add(play._uuid)
        self._play = play.get_name()

    @harmless
    def v2_playbook_on_no_hosts_matched(self):
        # Within a limit it is usual that some plays have no hosts.
        counts = not (self._allows_empty_plays or limit())
        self._write(event="no_hosts" if counts else "empty_play", play=first_line(self._play))

    @harmless
    def v2_runner_on_failed(self, result, ignore_errors=False):
        if ignore_errors:
            return
        failure = describe("failed", result)
        rescue = rescue_of(result._task)
        if rescue is None:
            self._tell(failure)
        else:
            # Whether the host has failed is known for certain at the end only.
            self._held.append((failure, rescue))

    @harmless
    def v2_runner_on_unreachable(self, result):
        if not result._task.ignore_unreachable:
            self._tell(describe("unreachable", result))

    @harmless
    def v2_playbook_on_stats(self, stats):
        hosts = sorted(stats.processed)
        summaries = {host: stats.summarize(host) for host in hosts}
        for host in hosts:
            if summaries[host]["failures"]:
                self._tell_held(host)
        for host in hosts:
            counts = summaries[host]
            self._write(
                event="host",
                host=host,
                ok=counts["ok"],
                changed=counts["changed"],
                failed=counts["failures"],
                unreachable=counts["unreachable"],
                skipped=counts["skipped"],
                rescued=counts["rescued"],
                ignored=counts["ignored"],
            )
        self._write(event="end", plays=len(self._plays))

    def _tell_unmatched(self, inventory):
        """Ansible only warns about a part of the limit that is no host, and does the rest."""
        for pattern in split_host_pattern(limit()):
            if pattern[0] not in "!&@" and not inventory.get_hosts(pattern, ignore_limits=True):
                self._write(event="unmatched", pattern=first_line(pattern))

    def _tell_held(self, host):
        """What a failed host's failures were, beside those that are told already."""
        held = [(failure, rescue) for failure, rescue in self._held if failure["host"] == host]
        for failure, rescue in held:
            if rescue == "outside":
                self._tell(failure)
        if held and ("failed", host) not in self._told:
            self._tell(held[-1][0])

    def _tell(self, failure):
        self._told.add((failure["event"], failure["host"]))
        self._write(**failure)

    def _write(self, **event):
        line = json.dumps(event, ensure_ascii=True) + "\n"
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            written = os.write(file, line.encode("ascii"))
        finally:
            os.close(file)
        if written != len(line):
            raise OSError(f"{self._path}: {written} of {len(line)} bytes written")


def limit():
    return context.CLIARGS.get("subset") or ""


def describe(event, result):
    # `_host`, `_task` and `_result` are what both generations have.
    return {
        "event": event,
        "host": result._host.get_name(),
        "task": first_line(name_of(result)),
        "message": message_of(result._result),
    }


def name_of(result):
    task = result._task
    if is_hidden(result._result):
        # By now its name holds values, and they may be what is to be hidden.
        written = (getattr(task, "_ds", None) or {}).get("name") or ""
        return task.action if "{{" in str(written) else written or task.action
    return task.get_name()


def message_of(values):
    """One line that says most about a result."""
    if is_hidden(values):
        return "hidden by no_log"
    results = values.get("results")
    for item in results if isinstance(results, list) else []:
        # Of a loop, the item that failed says more than "One or more items failed".
        if isinstance(item, dict) and (item.get("failed") or item.get("unreachable")):
            return message_of(item)
    text = values.get("msg") or values.get("reason")
    for preface in PREFACES:
        if isinstance(text, str):
            text = text.removeprefix(preface)
    message = first_line(text)
    if message.startswith("non-zero return code"):
        message = f"exit code {values.get('rc')}"
        said = first_line(values.get("stderr")) or first_line(values.get("stdout"))
        message = f"{message}: {said}" if said else message
    elif message.startswith("MODULE FAILURE"):
        message = last_line(values.get("module_stderr")) or message
    return message[:LENGTH] or "no message"


def is_hidden(values):
    return bool(values.get("_ansible_no_log")) or "censored" in values


def first_line(text):
    return next(lines(text), "")[:LENGTH]


def last_line(text):
    return (list(lines(text)) or [""])[-1][:LENGTH]


def lines(text):
    """The lines of a text that say anything: ssh puts some into frames of `@`, and others before what matters."""
    text = "" if text is None else str(text)
    stripped = (line.strip(" \t@") for line in text.splitlines())
    return (line for line in stripped if line and not line.startswith("Warning: "))


def rescue_of(task):
    """How a failed task stands to the `rescue` of a block: None where there is none, `inside` what it rescues, or `outside`."""
    found = None
    inner, outer = task, task._parent
    while outer is not None:
        if getattr(outer, "rescue", None):
            if any(entry._uuid == inner._uuid for entry in outer.block):
                return "inside"
            found = "outside"
        inner, outer = outer, outer._parent
    return found
