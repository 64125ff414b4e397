"""What ansible-playbook gets of the caller's environment."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from selextract_infra.hosts.environment import ansible_environment, ansible_program


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def environment(home: Path, **more: str) -> dict[str, str]:
    return ansible_environment({"HOME": str(home), "PATH": "/usr/bin", **more})


def test_it_is_minimal(home: Path) -> None:
    kept = environment(home, AWS_SECRET_ACCESS_KEY="secret", PYTHONPATH="/x", ANSIBLE_CALLBACKS_ENABLED="profile_tasks")
    assert not {"AWS_SECRET_ACCESS_KEY", "PYTHONPATH", "ANSIBLE_CALLBACKS_ENABLED"} & set(kept)


def test_host_keys_are_checked_whatever_the_caller_says(home: Path) -> None:
    assert environment(home, ANSIBLE_HOST_KEY_CHECKING="False")["ANSIBLE_HOST_KEY_CHECKING"] == "True"


def test_nothing_ever_asks_a_question(home: Path) -> None:
    settings = environment(home, ANSIBLE_ASK_PASS="True", ANSIBLE_BECOME_ASK_PASS="True")
    asking = {name: value for name, value in settings.items() if "ASK" in name}
    assert set(asking.values()) == {"False"}


def test_facts_are_never_remembered_from_an_earlier_run(home: Path) -> None:
    assert environment(home, ANSIBLE_CACHE_PLUGIN="jsonfile")["ANSIBLE_CACHE_PLUGIN"] == "memory"


def test_a_host_that_is_gone_is_noticed(home: Path) -> None:
    settings = environment(home)
    assert settings["ANSIBLE_TIMEOUT"] == "10"
    assert "ServerAliveInterval" in settings["ANSIBLE_SSH_EXTRA_ARGS"]
    assert "ControlPersist=900s" in settings["ANSIBLE_SSH_ARGS"]


def test_how_hosts_are_reached_is_the_users_to_say(home: Path) -> None:
    users = {"ANSIBLE_SSH_ARGS": "-o ProxyJump=bastion", "SSH_AUTH_SOCK": "/agent", "ANSIBLE_TIMEOUT": "30"}
    assert users.items() <= environment(home, **users).items()


def test_what_ansible_cfg_says_is_not_overridden(home: Path) -> None:
    (home / "ansible.cfg").write_text(
        "[defaults]\ninterpreter_python = /opt/python\ncollections_path = theirs\n"
        "[ssh_connection]\nssh_args = -o ProxyJump=bastion ; by way of\npipelining = False\n"
    )
    settings = environment(home)
    assert not {"ANSIBLE_SSH_ARGS", "ANSIBLE_PYTHON_INTERPRETER", "ANSIBLE_PIPELINING"} & set(settings)
    assert settings["ANSIBLE_COLLECTIONS_PATH"].endswith(f":{home}/theirs")


def test_a_configuration_that_anybody_could_have_put_there_is_not_read(home: Path) -> None:
    (home / "ansible.cfg").write_text("[ssh_connection]\nssh_args = -o ProxyCommand=evil\n")
    home.chmod(0o777)
    assert "ControlPersist" in ansible_environment({"HOME": "/nonexistent"})["ANSIBLE_SSH_ARGS"]


def test_a_broken_configuration_is_left_to_ansible_to_complain_about(home: Path) -> None:
    (home / "ansible.cfg").write_text("no section\n")
    assert "ANSIBLE_SSH_ARGS" in environment(home)


def test_unattended_there_is_no_agent_and_no_question(home: Path) -> None:
    settings = ansible_environment({"HOME": str(home), "SSH_AUTH_SOCK": "/agent"}, unattended=True)
    assert "SSH_AUTH_SOCK" not in settings
    assert "BatchMode=yes" in settings["ANSIBLE_SSH_EXTRA_ARGS"]


def test_a_fresh_login_uses_no_open_connection(home: Path) -> None:
    assert "ControlPath=none" in ansible_environment({"HOME": str(home)}, fresh=True)["ANSIBLE_SSH_EXTRA_ARGS"]


def test_ansible_is_found_beside_python_in_a_virtual_environment_that_is_not_active(home: Path) -> None:
    assert ansible_program("ansible-playbook") == str(Path(sys.executable).parent / "ansible-playbook")
    assert environment(home)["PATH"].split(":")[0] == str(Path(sys.executable).parent)
    assert ansible_program("no-such-program") == "no-such-program"
