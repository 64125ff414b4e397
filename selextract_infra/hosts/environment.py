"""The environment of ansible-playbook: little of the caller's, all that makes a run safe, quick and silent.

What a user sets for Ansible (environment, ``ansible.cfg``, inventory) is kept where it says how hosts are reached;
checking of host keys, prompts and output are ours to decide.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from selextract_infra.hosts.ansible_config import AnsibleConfig
from selextract_infra.hosts.collection import search_path
from selextract_infra.hosts.credentials import HANDED_ON

__all__ = ["ansible_environment", "ansible_program"]

CONNECT_SECONDS = 10
_ALIVE_EVERY_SECONDS = 5
_ALIVE_MISSED = 3
_PERSIST_SECONDS = 900

_KEPT = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TZ", "TMPDIR", "KRB5CCNAME",
    "SSH_AUTH_SOCK", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "CREDENTIALS_DIRECTORY",
    "ANSIBLE_CONFIG", "ANSIBLE_HOME", "ANSIBLE_REMOTE_USER", "ANSIBLE_REMOTE_PORT", "ANSIBLE_PRIVATE_KEY_FILE",
    "ANSIBLE_BECOME_METHOD", "ANSIBLE_BECOME_USER", "ANSIBLE_BECOME_EXE", "ANSIBLE_BECOME_FLAGS",
    "ANSIBLE_BECOME_PASSWORD_FILE", "ANSIBLE_CONNECTION_PASSWORD_FILE",
    "ANSIBLE_VAULT_PASSWORD_FILE", "ANSIBLE_VAULT_IDENTITY_LIST", "ANSIBLE_VAULT_IDENTITY",
    "ANSIBLE_SSH_ARGS", "ANSIBLE_SSH_COMMON_ARGS", "ANSIBLE_SSH_EXTRA_ARGS", "ANSIBLE_SSH_EXECUTABLE",
    "ANSIBLE_SSH_CONTROL_PATH", "ANSIBLE_SSH_CONTROL_PATH_DIR", "ANSIBLE_SSH_RETRIES", "ANSIBLE_PIPELINING",
    "ANSIBLE_TIMEOUT", "ANSIBLE_PYTHON_INTERPRETER", "ANSIBLE_STRATEGY", "ANSIBLE_STRATEGY_PLUGINS",
)  # fmt: skip

_DECIDED = {
    "LC_ALL": "C.UTF-8",
    "ANSIBLE_HOST_KEY_CHECKING": "True",
    "ANSIBLE_ASK_PASS": "False",
    "ANSIBLE_ASK_VAULT_PASS": "False",
    "ANSIBLE_BECOME_ASK_PASS": "False",
    "ANSIBLE_CACHE_PLUGIN": "memory",
    "ANSIBLE_DEPRECATION_WARNINGS": "False",
    # What a host answers is data; as variables it could say how other hosts are reached. The plays' strategy holds it
    # too, for plays by hand.
    "ANSIBLE_INJECT_FACT_VARS": "False",
    "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "True",
    "ANSIBLE_INVENTORY_UNPARSED_FAILED": "True",
    "ANSIBLE_NOCOLOR": "1",
    "ANSIBLE_RETRY_FILES_ENABLED": "False",
}


def ansible_program(name: str) -> str:
    """An Ansible program beside the running Python, so that a virtual environment need not be activated."""
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.is_file() else name


def ansible_environment(caller: Mapping[str, str], *, unattended: bool = False, fresh: bool = False) -> dict[str, str]:
    """The environment for an Ansible program started for ``caller`` (its own environment).

    ``unattended`` leaves out what only a person has, the SSH agent, and forbids ssh to ask. ``fresh`` logs in anew
    instead of using a connection that is still open, so that the verdict is about now. Of the secrets in the caller's
    environment only those that ``SELEXTRACT_CREDENTIALS`` names are handed on.
    """
    handed_on = caller.get(HANDED_ON, "").split(",")
    kept = {name: caller[name] for name in (*_KEPT, *handed_on) if caller.get(name)}
    if unattended:
        kept.pop("SSH_AUTH_SOCK", None)
    config = AnsibleConfig.in_force(kept)
    paths = [str(Path(sys.executable).parent), *kept.get("PATH", os.defpath).split(os.pathsep)]
    settings = {
        **_defaults(config),
        **kept,
        **_DECIDED,
        "PATH": os.pathsep.join(dict.fromkeys(paths)),
        "ANSIBLE_SSH_EXTRA_ARGS": _extra_ssh(kept, unattended=unattended, fresh=fresh),
    }
    collections = search_path(caller.get("ANSIBLE_COLLECTIONS_PATH") or config.paths("defaults", "collections_path"))
    if collections:
        settings["ANSIBLE_COLLECTIONS_PATH"] = collections
    return settings


def _defaults(config: AnsibleConfig) -> dict[str, str]:
    """What holds where ``ansible.cfg`` says nothing."""
    persist = f"-C -o ControlMaster=auto -o ControlPersist={_PERSIST_SECONDS}s"
    defaults = {
        "ANSIBLE_PIPELINING": ("pipelining", ("defaults", "connection", "ssh_connection"), "True"),
        "ANSIBLE_PYTHON_INTERPRETER": ("interpreter_python", ("defaults",), "/usr/bin/python3"),
        "ANSIBLE_SSH_ARGS": ("ssh_args", ("ssh_connection",), persist),
        "ANSIBLE_TIMEOUT": ("timeout", ("defaults", "ssh_connection"), str(CONNECT_SECONDS)),
    }
    return {
        name: value
        for name, (setting, sections, value) in defaults.items()
        if all(config.get(section, setting) is None for section in sections)
    }


def _extra_ssh(kept: Mapping[str, str], *, unattended: bool, fresh: bool) -> str:
    """Options for ssh alone; of several values of one option ssh takes the first."""
    parts = [
        *(["-o BatchMode=yes"] if unattended else []),
        *(["-o ControlPath=none"] if fresh else []),
        kept.get("ANSIBLE_SSH_EXTRA_ARGS", ""),
        f"-o ServerAliveInterval={_ALIVE_EVERY_SECONDS} -o ServerAliveCountMax={_ALIVE_MISSED}",
    ]
    return " ".join(part for part in parts if part)
