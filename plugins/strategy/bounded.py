"""Plays whose hosts decide nothing about other hosts, nor about the control machine."""

from __future__ import annotations

DOCUMENTATION = r"""
name: bounded
short_description: Like linear, but an answer from a host sets no variables and adds no hosts
version_added: "0.2.0"
description:
  - Whatever Python is on a host answers for every module there, and Ansible takes certain keys of any answer for more
    than data. C(ansible_facts) become variables, of the host that delegated the task too, C(ansible_sudo_exe) for
    example, which is then run on it as root. C(add_host) would set variables of any host such as
    C(ansible_ssh_common_args), which run programs on the control machine; Ansible 2.19 removes that key itself.
  - This strategy takes these keys away before anything is made of an answer, except where the task itself is about
    them and runs on the control machine (C(set_fact), C(add_host) ...), and except those facts that C(getent) names.
  - It also bounds what the connection plugins C(ssh) and C(local) read. A host that answers more than 48 MB or 400,000
    values to one question, or does not answer at all, is unreachable for the rest of the play, and the others go on.
  - What modules are asked for is not written into a host's system log (C(ansible_no_target_syslog)), where others than
    root may read it.
  - It is a play's keyword, so it holds for plays by hand too, whatever O(ansible.cfg) says.
author: ["selextract-infra contributors"]
"""

from collections import deque
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.strategy.linear import StrategyModule as Linear

from ..plugin_utils.bounded_reading import bound_connections

# Why a strategy, which Ansible calls deprecated where it is not its own (a line by hand; no version is named, and "no
# alternative is planned"): every task of a play passes here, those of ansible.builtin too, before its answer becomes
# variables. An action plugin that all modules of ours are routed to would leave stat, copy or systemd open, whose
# answers come from the same Python of the same host. What hurt most, facts of a task that is delegated to another host,
# is closed besides: there is none (tests/unit/hosts/test_playbooks.py). What is left for this plugin: a host that says
# its ansible_sftp_executable, a program of the control machine, where a person runs a play without our settings.

# Tasks that run on the control machine and whose very purpose is one of these keys.
_BY_US = ("set_fact", "include_vars", "add_host", "group_by", "set_stats", "debug")
_DECIDES = ("ansible_facts", "add_host", "add_group", "ansible_stats")
_GETENT = "getent"
# What Ansible lays out for people, which takes minutes and many times the memory where it is as long as it may be.
_TOLD = ("exception", "msg", "module_stdout", "module_stderr", "stdout", "stderr")
_LONGEST_TOLD = 1_000_000


class StrategyModule(Linear):
    """Ansible's own linear, with a bound on what answers may say."""

    def __init__(self, tqm: Any) -> None:
        super().__init__(tqm)
        if not isinstance(getattr(self, "_results", None), deque):
            raise AnsibleError(
                "This version of Ansible keeps answers elsewhere, so they cannot be bounded; use another."
            )
        self._results: Any = _BoundedAnswers()
        bound_connections()

    def _queue_task(self, host: Any, task: Any, task_vars: dict[str, Any], play_context: Any) -> Any:
        """Where a Plan's values would stand in a host's log, with what its members of ``adm`` may read."""
        task_vars["ansible_no_target_syslog"] = True
        return super()._queue_task(host, task, task_vars, play_context)


class _BoundedAnswers(deque[Any]):
    """The queue in which Ansible keeps answers until it acts on them; each is bounded when it is put in."""

    def append(self, answer: Any) -> None:
        bound(answer.task.action, answer._return_data)
        super().append(answer)


def bound(action: str, answer: Any) -> None:
    """Take away, in place, what an answer to a task of that action may not say, of each item of a loop too."""
    name = str(action).rpartition(".")[2]
    if name in _BY_US and str(action) in (name, f"ansible.builtin.{name}", f"ansible.legacy.{name}"):
        return
    items = answer.get("results")
    for part in (answer, *(items if isinstance(items, list) else ())):
        if isinstance(part, dict):
            facts = part.get("ansible_facts")
            for key in _DECIDES:
                part.pop(key, None)
            for key in _TOLD:
                if isinstance(text := part.get(key), str) and len(text) > _LONGEST_TOLD:
                    part[key] = text[:_LONGEST_TOLD]
                    part.pop("exception", None)  # an object of Ansible's that holds the whole text again
            if name == _GETENT and isinstance(facts, dict):
                part["ansible_facts"] = {key: facts[key] for key in facts if str(key).startswith("getent_")}
