"""Thirty secrets are planted in an app's containers and looked for wherever our work leaves words, on a real host.

Looked at are the arguments and environments of all processes outside of containers, on the host and here, while the
operations run; the host's whole log; everything that is kept on the host and here; what is printed, planned and sent.
How a container is made again has to hold them: ``definitions/`` is root's alone.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from selextract_infra.lab import Lab
from tests.lab.program import Program, wait_for
from tests.lab.rightsizing import as_deployed, policy_of, with_history
from tests.receivers import Places, open_places

pytestmark = pytest.mark.lab

_PLANTED = "planted-secret"
_WATCH = Path(__file__).with_name("secret_watch.py")
_APP = "/opt/selextract"
_PLANT = f"""\
cd {_APP} && cp compose.override.yml /root/override.kept && cp .env /root/env.kept
for n in 20 21 22 23 24; do echo "PLANTED_$n={_PLANTED}-$n" >> .env; done
for n in 25 26 27 28 29; do echo "PLANTED_$n={_PLANTED}-$n"; done > app.env
python3 - <<'END'
lines = ["services:"]
for service, numbers in (("api", range(10)), ("worker", range(10, 20))):
    lines += [f"  {{service}}:", "    env_file: [app.env]", "    labels: {{environment: lab}}", "    environment:"]
    lines += [f"      SECRET_{{n}}: {_PLANTED}-{{n:02d}}" for n in numbers]
    lines += [f"      SECRET_{{n}}: ${{{{PLANTED_{{n}}}}}}" for n in range(20, 25)]
open("compose.override.yml", "w").write("\\n".join(lines) + "\\n")
END
docker compose up -d --wait --quiet-pull >/dev/null 2>&1
"""
_PULL_OUT = f"cd {_APP} && mv /root/override.kept compose.override.yml && mv /root/env.kept .env && rm -f app.env"
_GO = ("--apply", "--yes", "--now", "a test")
_FEW: tuple[tuple[str, ...], ...] = (
    ("rightsize", "--service", "api", "--memory", "280MB", "--settle", *_GO),
    ("rollback", "@last"),
)
_MORE: tuple[tuple[str, ...], ...] = (
    ("tune", "workers", *_GO),
    ("scale", "worker=3", "--override", "X-09", *_GO),
    ("scale", "worker=2", *_GO),
    ("tune", "postgres", *_GO),
    ("pgbouncer", "on", *_GO),
    ("pgbouncer", "off", *_GO),
    ("balancer", "on", *_GO),
    ("balancer", "off", *_GO),
    ("emergency", "run", "--yes", "--reason", "a test"),
    ("emergency", "revert"),
    ("doctor",),
    ("status",),
    ("assess",),
)


@pytest.fixture
def places() -> Iterator[Places]:
    """A mail server and a pager on this machine."""
    with open_places() as opened:
        yield opened


@pytest.fixture
def planted(lab: Lab, tmp_path: Path, places: Places) -> Iterator[Program]:
    """The app with the secrets in it, under a policy that tells people; as it was, afterwards."""

    def change(policy: dict[str, Any]) -> None:
        channels = {
            "page": f"json://127.0.0.1:{places.web}/page",
            "mail_server": f"mailto://127.0.0.1:{places.mail}?from=ops@example.com",
        }
        policy["emergency"] = {"notifications": {"channels": channels}}

    as_deployed(lab)
    done = lab.ssh("app1", _PLANT, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    try:
        program = Program(policy_of(lab, tmp_path / "told", change), tmp_path / "state")
        with_history(lab, program)
        yield program
    finally:
        lab.ssh("app1", _PULL_OUT)
        as_deployed(lab)


@contextmanager
def watched(lab: Lab, folder: Path) -> Iterator[list[str]]:
    """While it lasts, every process of the host and of this machine is looked at; filled in at the end."""
    carrying: list[str] = []
    host = lab.host("app1")
    host.execute("tee", "/root/secret_watch.py", feed=_WATCH.read_bytes())
    host.execute("tee", "/root/word", feed=_PLANTED.encode())
    lab.ssh("app1", "rm -f /root/hits* /root/stop; systemd-run --quiet --unit secret-watch --collect"
            " python3 /root/secret_watch.py /root/word /root/stop /root/hits")  # fmt: skip
    words, stop, hits = (folder / name for name in ("word", "stop", "hits"))
    words.write_text(_PLANTED)
    with subprocess.Popen([sys.executable, str(_WATCH), str(words), str(stop), str(hits)]) as here:
        ready = folder / "hits.ready"
        wait_for(lambda: ready.exists() and lab.ssh("app1", "cat /root/hits.ready").returncode == 0,
                 bound=20, what="somebody looks at processes")  # fmt: skip
        try:
            yield carrying
        finally:
            stop.touch()
            lab.ssh("app1", "touch /root/stop")
            here.wait(10)
    wait_for(lambda: lab.ssh("app1", "cat /root/hits").returncode == 0, bound=20, what="the host's hits are written")
    carrying += [f"here: {line}" for line in hits.read_text().splitlines()]
    carrying += [f"host: {line}" for line in lab.ssh("app1", "cat /root/hits").stdout.splitlines()]


def on_the_host(lab: Lab) -> list[str]:
    """Where the word is in what is kept there, in any file that is not the team's, and in the system's log."""
    found = lab.ssh(
        "app1",
        f"grep -rlIe {_PLANTED} /var/lib/selextract-infra /etc/systemd /run/systemd/transient /tmp /root/.ansible"
        f" 2>/dev/null | grep -v /definitions/; journalctl --no-pager -q 2>/dev/null | grep -e {_PLANTED}"
        " | cut -c1-200; find /var/lib/selextract-infra/definitions -type f -perm /077",
        timeout=60,
    ).stdout
    return found.splitlines()


def asked_in_the_log(lab: Lab, since: str) -> str:
    """What modules were asked for, which is a Plan's values, as far as the host's log has it since then."""
    return lab.ssh("app1", f"journalctl --no-pager -q --since @{since} | grep -e 'Invoked with'").stdout


def kept_here(folder: Path) -> list[str]:
    """The files of this machine that have the word in them."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "word"]
    return [str(path) for path in files if _PLANTED.encode() in path.read_bytes()]


def _carry_out(program: Program, commands: tuple[tuple[str, ...], ...], folder: Path) -> list[str]:
    """What was printed with the word in it, by command; none may fail."""
    printed = []
    for number, words in enumerate(commands):
        run = program.run("history", "--last", "1", "--format", "json").data["runs"][:1] if "@last" in words else []
        given = [str(run[0]["id"]) if word == "@last" else word for word in words]
        out = ("--out", str(folder / f"plan-{number}.json")) if "--apply" in words else ()
        answer = program.run(*given, *out, timeout=400)
        assert answer.code in (0, 1), (words, answer.words)
        if _PLANTED in answer.words:
            printed.append(" ".join(words))
    return printed


def told(places: Places) -> list[str]:
    """The messages that have the word in them."""
    messages = [*(str(content) for _, content in places.visits), *(letter.decode() for _, letter in places.letters)]
    return [message for message in messages if _PLANTED in message]


@pytest.mark.parametrize(
    "commands", [_FEW, pytest.param((*_FEW, *_MORE), marks=pytest.mark.slow)], ids=["settling", "every operation"]
)
def test_no_planted_secret_leaves_its_container(
    lab: Lab, planted: Program, places: Places, commands: tuple[tuple[str, ...], ...], tmp_path: Path
) -> None:
    before = lab.ssh("app1", "docker inspect $(docker ps -q --filter name=api)").stdout
    assert before.count(_PLANTED) >= 40, "they are where they belong"
    since = lab.ssh("app1", "date +%s").stdout.strip()
    with watched(lab, tmp_path) as carrying:
        printed = _carry_out(planted, commands, tmp_path)
    assert carrying == []
    assert printed == []
    assert told(places) == []
    assert on_the_host(lab) == []
    assert kept_here(tmp_path) == []
    assert asked_in_the_log(lab, since) == ""
