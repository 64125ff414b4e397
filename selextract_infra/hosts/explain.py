"""Why a host could not be worked on, in one sentence, from what ssh, sudo, Python and modules said."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from selextract_infra.model.text import displayable

__all__ = ["FailureExplanation", "Stage", "explain"]

Stage = Literal["network", "host key", "login", "become", "python", "disk", "docker"]
"""How far one came: the first of these that did not work."""


class FailureExplanation(NamedTuple):
    """One displayable sentence without the host's name, what to do about it, and which stage it was.

    ``remedy`` and ``stage`` are empty where nothing is known.
    """

    sentence: str
    remedy: str = ""
    stage: Stage | Literal[""] = ""


_LOG_IN_ONCE = "log in once by hand after comparing the fingerprint, or put the key into known_hosts"

_KNOWN: tuple[tuple[str, FailureExplanation], ...] = (
    (
        r"did not answer within (?P<what>\d+) s, and is not waited for",
        FailureExplanation(
            "it did not answer within {what} s, and is not waited for any longer",
            "log in by hand and see what its sshd and its Python do",
        ),
    ),
    (
        r"answered more than (?P<what>\d+ (?:MiB|values)) to one question",
        FailureExplanation(
            "it answered more than {what} to one question, so the rest was not read",
            "look at the host as one that somebody else may control: no module of ours answers so much",
        ),
    ),
    (
        r"REMOTE HOST IDENTIFICATION HAS CHANGED|host key for \S+ has changed",
        FailureExplanation(
            "its SSH host key is not the one in known_hosts",
            "find out why it changed; if the host was rebuilt, remove the old key with ssh-keygen -R and log in once",
            "host key",
        ),
    ),
    (
        r"host key verification failed|no \S+ host key is known",
        FailureExplanation("its SSH host key is not known here", _LOG_IN_ONCE, "host key"),
    ),
    (
        r"UNPROTECTED PRIVATE KEY FILE|bad permissions",
        FailureExplanation(
            "the private key file is readable by others, so ssh ignores it", "chmod 600 on the key file", "login"
        ),
    ),
    (
        r"no such identity: (?P<what>\S+): No such file",
        FailureExplanation(
            "the private key file {what} does not exist", "correct ansible_ssh_private_key_file", "login"
        ),
    ),
    (
        r"(?:ControlPath|path) [^\n]*too long",
        FailureExplanation(
            "the path of ssh's control socket on this machine is too long",
            "set ANSIBLE_SSH_CONTROL_PATH_DIR, or control_path_dir in ansible.cfg, to a shorter folder",
            "login",
        ),
    ),
    (
        r"too many authentication failures",
        FailureExplanation(
            "the SSH agent offered too many wrong keys",
            "name the key with ansible_ssh_private_key_file and add -o IdentitiesOnly=yes to ansible_ssh_common_args",
            "login",
        ),
    ),
    (
        r"permission denied \(",
        FailureExplanation(
            "the login was refused: no key offered here is accepted for that user",
            "check ansible_user and ansible_ssh_private_key_file; a key with a passphrase needs a running agent",
            "login",
        ),
    ),
    (
        r"could not resolve hostname (?P<what>[^\s:]+)",
        FailureExplanation("the name {what} cannot be resolved", "correct ansible_host, or the DNS", "network"),
    ),
    (
        r"connection refused",
        FailureExplanation(
            "nothing listens on its SSH port", "check that the host and its sshd are up, and ansible_port", "network"
        ),
    ),
    (
        r"no route to host|network is unreachable",
        FailureExplanation(
            "there is no network route to it", "check that the host is up, the network and the VPN", "network"
        ),
    ),
    (
        r"(connect|connection|operation) timed out|timed out during banner exchange|timeout, server \S+ not responding",
        FailureExplanation("it does not answer", "check that the host is up, the network and the firewall", "network"),
    ),
    (
        r"connection (closed|reset) by|broken pipe|kex_exchange_identification|shared connection to \S+ closed",
        FailureExplanation(
            "it closed the connection",
            "wait a minute, since sshd turns away who failed to log in often; then look at its log on the host",
            "network",
        ),
    ),
    (
        r"incorrect \w+ password|sorry, try again",
        FailureExplanation(
            "the password for becoming root is wrong",
            "correct SELEXTRACT_BECOME_PASSWORD, or the credential become-password",
            "become",
        ),
    ),
    (
        r"missing \w+ password|a password is required|a terminal is required",
        FailureExplanation(
            "becoming root asks for a password and none was given",
            "set SELEXTRACT_BECOME_PASSWORD, or allow the user sudo with NOPASSWD",
            "become",
        ),
    ),
    (
        r"not in the sudoers file|may not run sudo|is not allowed to (execute|run)",
        FailureExplanation(
            "the user may not become root", "allow the user sudo, or set another ansible_user", "become"
        ),
    ),
    (
        r"sudo: (command )?not found|sudo: no such file",
        FailureExplanation(
            "sudo is not installed, so the user cannot become root", "install sudo, or log in as root", "become"
        ),
    ),
    (
        r"waiting for privilege escalation prompt|waiting for become success",
        FailureExplanation("becoming root did not answer", "check sudo on the host by hand: sudo -n true", "become"),
    ),
    (
        r"module interpreter '(?P<what>[^']+)' was not found|(?P<also>/\S*python[\d.]*): (not found|no such file)",
        FailureExplanation(
            "Python is not at {what}", "install python3 on the host, or set ansible_python_interpreter", "python"
        ),
    ),
    (
        r"requires a minimum of python|unsupported python|no python interpreters? found|python 3\.\d+ or newer",
        FailureExplanation("its Python is missing or too old", "install Python 3.9 or newer on the host", "python"),
    ),
    (r"no space left on device", FailureExplanation("its disk is full", "free disk space on the host", "disk")),
    (
        r"read-only file system",
        FailureExplanation("its file system is read-only", "check the host's disk, then remount it", "disk"),
    ),
    (
        r"no vault secrets found|decryption failed",
        FailureExplanation("a vaulted value cannot be decrypted", "set ANSIBLE_VAULT_PASSWORD_FILE"),
    ),
    (
        r"cannot connect to the docker daemon|docker\.sock'?\)?: (no such file|connection refused)",
        FailureExplanation("its Docker engine is not running", "systemctl start docker on the host", "docker"),
    ),
)
_PATTERNS = tuple((re.compile(pattern, re.IGNORECASE), told) for pattern, told in _KNOWN)

_SAID_BY_ANSIBLE = re.compile(
    r"^(Task failed: |Action failed: |Module failed: |Data could not be sent to remote host \"[^\"]*\"\. "
    r"Make sure this host can be reached over ssh: |Failed to connect to the host via ssh: )+"
)
_FIELDS = ("msg", "module_stderr", "stderr", "module_stdout", "exception")
_LONGEST = 20_000


def explain(result: Mapping[str, Any]) -> FailureExplanation:
    """One sentence for a failed or unreachable task result.

    What our own modules say is a sentence already and is kept; for what ssh, sudo and Python say there is a table.
    """
    texts = [str(result.get(key) or "")[:_LONGEST] for key in _FIELDS]
    message = _SAID_BY_ANSIBLE.sub("", texts[0])
    by_a_module = bool(message) and message == texts[0] and "module_stderr" not in result and "rc" not in result
    if result.get("unreachable") or not by_a_module:
        known = _look_up("\n".join(texts))
        if known is not None:
            return known
    crash = str(result.get("module_stderr") or "").strip()
    own = f"the module did not run: {displayable(crash.splitlines()[-1])}" if crash else displayable(message)
    return FailureExplanation(own or "it failed and did not say why", displayable(str(result.get("remedy") or "")))


def _look_up(text: str) -> FailureExplanation | None:
    for pattern, sentence in _PATTERNS:
        if match := pattern.search(text):
            names = match.groupdict()
            what = displayable(names.get("what") or names.get("also") or "", limit=120)
            return sentence._replace(sentence=sentence.sentence.replace("{what}", what))
    return None
