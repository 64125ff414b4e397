"""One sentence for what ssh, sudo, Python and modules say; the texts are theirs, word for word."""

from __future__ import annotations

from typing import Any

import pytest

from selextract_infra.hosts.explain import explain

SSH = 'Task failed: Data could not be sent to remote host "192.0.2.7". Make sure this host can be reached over ssh: '
CHANGED = (
    "@@@@@@@@@@@\r\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r\n@@@@@@@@@@@\r\n"
    "Host key for [192.0.2.7]:22 has changed and you have requested strict checking.\r\nHost key verification failed."
)
OPEN_KEY = (
    "@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @\r\nPermissions 0644 for '/k' are too open.\r\n"
    'Load key "/k": bad permissions\r\nroot@192.0.2.7: Permission denied (publickey).'
)
NO_KEY = "no such identity: /home/ops/k: No such file or directory\r\nroot@192.0.2.7: Permission denied (publickey)."


@pytest.mark.parametrize(
    ("said", "stage", "sentence"),
    [
        (CHANGED, "host key", "its SSH host key is not the one in known_hosts"),
        ("Host key verification failed.", "host key", "its SSH host key is not known here"),
        (OPEN_KEY, "login", "the private key file is readable by others, so ssh ignores it"),
        (NO_KEY, "login", "the private key file /home/ops/k does not exist"),
        (
            "ops@192.0.2.7: Permission denied (publickey,keyboard-interactive).",
            "login",
            "the login was refused: no key offered here is accepted for that user",
        ),
        (
            "Received disconnect from 192.0.2.7 port 22:2: Too many authentication failures",
            "login",
            "the SSH agent offered too many wrong keys",
        ),
        (
            "ssh: Could not resolve hostname no-such.invalid: Name or service not known",
            "network",
            "the name no-such.invalid cannot be resolved",
        ),
        ("ssh: connect to host 192.0.2.7 port 22: Connection refused", "network", "nothing listens on its SSH port"),
        ("ssh: connect to host 192.0.2.7 port 22: Connection timed out", "network", "it does not answer"),
        ("Connection timed out during banner exchange", "network", "it does not answer"),
        ("Timeout, server 192.0.2.7 not responding.", "network", "it does not answer"),
        ("ssh: connect to host 192.0.2.7 port 22: No route to host", "network", "there is no network route to it"),
        ("kex_exchange_identification: Connection closed by remote host", "network", "it closed the connection"),
    ],
)
def test_what_ssh_says_becomes_one_sentence_with_a_remedy(said: str, stage: str, sentence: str) -> None:
    told = explain({"unreachable": True, "msg": SSH + said})
    assert (told.stage, told.sentence) == (stage, sentence)
    assert told.remedy


@pytest.mark.parametrize(
    ("result", "stage", "sentence"),
    [
        ({"msg": "Task failed: Incorrect sudo password"}, "become", "the password for becoming root is wrong"),
        (
            {"msg": "Task failed: Missing sudo password"},
            "become",
            "becoming root asks for a password and none was given",
        ),
        (
            {"msg": "Task failed: Premature end of stream waiting for become success.\nme is not in the sudoers file."},
            "become",
            "the user may not become root",
        ),
        (
            {"msg": "Task failed: Timeout (12s) waiting for privilege escalation prompt: "},
            "become",
            "becoming root did not answer",
        ),
        (
            {"msg": "non", "module_stderr": "/bin/sh: 1: /usr/bin/python9: not found\n", "rc": 127},
            "python",
            "Python is not at /usr/bin/python9",
        ),
        (
            {"msg": "MODULE FAILURE", "module_stderr": "OSError: [Errno 28] No space left on device", "rc": 1},
            "disk",
            "its disk is full",
        ),
        (
            {"msg": "failed", "stderr": "Cannot connect to the Docker daemon at unix:///x. Is it running?", "rc": 1},
            "docker",
            "its Docker engine is not running",
        ),
    ],
)
def test_what_sudo_python_and_programs_say_becomes_one_sentence(
    result: dict[str, Any], stage: str, sentence: str
) -> None:
    told = explain(result)
    assert (told.stage, told.sentence) == (stage, sentence)


def test_a_sentence_of_a_module_is_kept_even_when_it_speaks_of_known_things() -> None:
    sentence = "The health gate failed: http://127.0.0.1:8080/ does not answer (Connection refused)."
    assert explain({"msg": sentence}).sentence == sentence


def test_a_module_that_crashed_is_told_by_its_last_line() -> None:
    result = {"msg": "MODULE FAILURE", "module_stderr": "Traceback\n  File x\nKeyError: 'services'\n", "rc": 1}
    assert explain(result).sentence == "the module did not run: KeyError: 'services'"


def test_what_a_host_says_cannot_act_on_the_terminal() -> None:
    assert explain({"msg": "\x1b[2J\x1b]0;owned\x07broken\r\n{{ 7*7 }}"}).sentence == "broken {{ 7*7 }}"


@pytest.mark.parametrize("result", [{}, {"msg": ""}, {"msg": None}, {"msg": "\x1b[0m"}])
def test_silence_is_told_as_silence(result: dict[str, Any]) -> None:
    assert explain(result).sentence == "it failed and did not say why"
