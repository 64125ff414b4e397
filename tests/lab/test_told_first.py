"""A P1 is told within a look, whatever keeps the loop from doing anything about it: by real servers, on a real host."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from selextract_infra.lab import Lab
from selextract_infra.lab.engine import LabEngine
from tests.lab.program import Program, wait_for
from tests.lab.rightsizing import as_deployed, policy_of
from tests.lab.test_watch import told, watching
from tests.receivers import Places, open_places

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

INTERVAL, LOOK = 15.0, 30.0  # seconds: between two looks, and what one takes at most here, a host that is off too
LOCK = "/var/lib/selextract-infra/lock.json"


@pytest.fixture
def places() -> Iterator[Places]:
    with open_places() as places:
        yield places


@pytest.fixture
def program(lab: Lab, tmp_path: Path, places: Places) -> Program:
    """The program on a lab as deployed, with the guide's own pace, a pager and a mail server on this machine."""
    as_deployed(lab)
    lab.ssh("app1", "rm -f /var/lib/selextract-infra/emergency.json")

    def change(policy: dict[str, Any]) -> None:
        policy["emergency"] = {
            "notifications": {
                "channels": {
                    "page": f"json://127.0.0.1:{places.web}/page",
                    "mail_server": f"mailto://127.0.0.1:{places.mail}?from=ops@example.com",
                }
            }
        }

    return Program(policy_of(lab, tmp_path / "told", change), tmp_path / "state")


@contextmanager
def frontend_down(lab: Lab) -> Iterator[None]:
    """No container of the frontend runs: a P1 by itself (EMT-03)."""
    lab.ssh("app1", "docker stop -t 1 selextract-frontend-1")
    try:
        yield
    finally:
        lab.ssh("app1", "docker start selextract-frontend-1")


def first_breach(news: Path, kind: str, words: str) -> float | None:
    """When the loop first saw it, Unix seconds."""
    moments = [one["at"] for one in told(news) if one["kind"] == kind and words in one["sentence"]]
    return datetime.fromisoformat(moments[0]).timestamp() if moments else None


def told_within_a_look(places: Places, news: Path, kind: str, words: str) -> None:
    """Page and e-mail came within the bound, counted from the first look that showed it."""
    wait_for(lambda: first_breach(news, kind, words), bound=90, what="the first look that shows it")
    wait_for(lambda: places.visits and places.letters, bound=90, what="page and e-mail")
    began = first_breach(news, kind, words)
    assert began is not None
    for what in ("web", "mail"):
        assert places.first_at[what] - began <= INTERVAL + LOOK, places.first_at


def locked_by_another(lab: Lab) -> None:
    """Somebody works there, comes to no safe point, and his lease holds for an hour."""
    content = {
        "run_id": "20261201T000000-00000000", "owner": "ops@elsewhere (process 7)", "purpose": "move the database",
        "taken_at": "2026-12-01T00:00:00+00:00", "renewed_at": "2099-01-01T00:00:00+00:00",
        "lease_until": "2099-01-01T01:00:00+00:00", "lease_seconds": 3600, "epoch": 1, "holder": "another",
    }  # fmt: skip
    lab.ssh("app1", f"mkdir -p -m 700 /var/lib/selextract-infra; echo '{json.dumps(content)}' > {LOCK}")


def test_a_p1_is_told_where_the_host_is_locked_and_why_nothing_could_be_done(
    lab: Lab, program: Program, places: Places, tmp_path: Path
) -> None:
    news = tmp_path / "news"
    locked_by_another(lab)
    try:
        with frontend_down(lab), watching(program, news):
            told_within_a_look(places, news, "incident", "P1: app1/frontend is down")
            wait_for(lambda: len(places.visits) >= 3, bound=180, what="what was granted, and how it ended")
        assert "frontend is down" in places.pages()[0]
        last = str(places.visits[-1][1]["message"])
        assert "is locked by ops@elsewhere" in last, places.visits
    finally:
        lab.ssh("app1", f"rm -f {LOCK}")


def test_a_host_that_is_off_is_told(lab: Lab, program: Program, places: Places, tmp_path: Path) -> None:
    news, machine = tmp_path / "news", LabEngine()
    container = next(host.container for host in lab.status().hosts if host.name == "app1")
    with watching(program, news) as process:
        wait_for(lambda: looked(program, process), bound=90, what="a look")
        machine.run("pause", container)
        try:
            told_within_a_look(places, news, "lost", "app1 is not reached")
        finally:
            machine.run("unpause", container)
    assert places.pages()[0] == "P1 app1 is not reached"


def looked(program: Program, process: subprocess.Popen[str]) -> bool:
    """Whether the loop has looked at its hosts, which its journal shows; it still runs."""
    assert process.poll() is None
    return (program.state / "journal.sqlite").exists()


def test_a_p1_after_a_person_ended_an_emergency_is_told(
    lab: Lab, program: Program, places: Places, tmp_path: Path
) -> None:
    run = program.run("emergency", "run", "--yes", "--reason", "a test", timeout=300)
    assert run.code == 0, run.words
    assert program.run("emergency", "revert", timeout=300).code == 0
    places.visits.clear()
    places.letters.clear()
    places.first_at.clear()
    news = tmp_path / "news"
    with frontend_down(lab), watching(program, news):
        told_within_a_look(places, news, "incident", "P1: app1/frontend is down")
    message = str(places.visits[0][1]["message"])
    assert "No emergency begins by itself before" in message
    assert "ended one at" in message
