"""Two apps on one host: what is done for one of them leaves the other as it is, byte for byte and start for start."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from selextract_infra.lab import Lab
from tests.lab.program import Program
from tests.lab.rightsizing import as_deployed
from tests.lab.second_project import PORT, SECOND, deployed, everything_of, gone, program_for

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(1200)]

FIRST = "selextract"
APPLY = ("--apply", "--yes", "--now", "a test", "--format", "json")


@dataclass(frozen=True)
class Teams:
    """The programs of both teams on one host."""

    lab: Lab
    first: Program
    second: Program

    def of(self, project: str) -> dict[str, str]:
        """All of one project and of ours for it."""
        return everything_of(self.lab, project)


@pytest.fixture(scope="module")
def teams(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Teams]:
    """Both have a balancer and PgBouncer; nothing of the second one is left in the end."""
    folder = tmp_path_factory.mktemp("teams")
    gone(lab)
    as_deployed(lab)
    deployed(lab)
    both = Teams(lab, program_for(lab, folder, FIRST), program_for(lab, folder, SECOND))
    assert both.second.run("uninstall", "--yes").code == 0  # what an earlier test has left
    for program in (both.first, both.second):
        for words in (("pgbouncer", "on"), ("balancer", "on")):
            answer = program.run(*words, *APPLY, timeout=600)
            assert answer.code == 0, (words, answer.words)
    yield both
    for words in (("balancer", "off"), ("pgbouncer", "off")):
        answer = both.first.run(*words, *APPLY, timeout=600)
        assert answer.code == 0, (words, answer.words)
    gone(lab)
    lab.ssh(
        "app1", "cd /opt/selextract && docker compose rm -sf api worker && docker compose up -d --wait", timeout=240
    )


def test_each_has_its_own_and_a_second_plan_is_empty(teams: Teams) -> None:
    for program, project in ((teams.first, FIRST), (teams.second, SECOND)):
        for words in (("pgbouncer", "on"), ("balancer", "on")):
            answer = program.run(*words, "--format", "json")
            assert answer.code == 0, answer.words
            assert answer.data["steps"] == [], (project, words)
        assert f"/{project}-balancer-balancer-1" in teams.of(project)
        assert f"/{project}-pgbouncer" in teams.of(project)


def test_what_one_team_does_and_takes_back_is_nothing_to_the_other(teams: Teams) -> None:
    other = teams.of(FIRST)
    before = teams.of(SECOND)
    answer = teams.second.run("scale", "api=2", *APPLY, timeout=600)
    assert answer.code == 0, answer.words
    assert teams.of(FIRST) == other
    own = teams.first.run("scale", "api=3", *APPLY, timeout=600)
    assert own.code == 0, own.words
    other = teams.of(FIRST)
    back = teams.second.run("rollback", answer.data["id"], timeout=600)
    assert back.code == 0, back.words
    assert teams.of(FIRST) == other
    assert {name for name in teams.of(SECOND) if name.startswith("/")} == {
        name for name in before if name.startswith("/")
    }
    assert teams.first.run("rollback", own.data["id"], timeout=600).code == 0


def test_uninstall_names_both_and_takes_off_only_the_one_that_was_named(teams: Teams) -> None:
    asked = teams.second.run("uninstall")
    assert asked.code == 2
    assert f"{SECOND}, {FIRST}" in asked.words.replace("\n", " ")
    other = teams.of(FIRST)
    assert teams.second.run("balancer", "off", *APPLY, timeout=600).code == 0
    assert teams.second.run("pgbouncer", "off", *APPLY, timeout=600).code == 0
    answer = teams.second.run("uninstall", "--project", SECOND, "--yes", timeout=600)
    assert answer.code == 0, answer.words
    assert [name for name in teams.of(SECOND) if name.startswith(f"/{SECOND}-api-")], teams.of(SECOND)
    answers = teams.lab.ssh("app1", f"curl -fsS -m 10 -o /dev/null http://localhost:{PORT}/health")
    assert answers.returncode == 0, answers.stderr
    own = [
        name for name in teams.of(SECOND) if "selextract-infra" in name or "-balancer-" in name or "-pgbouncer" in name
    ]
    assert own == []
    assert teams.of(FIRST) == other
    left = teams.lab.ssh("app1", f"cd /srv/{SECOND} && ls -A nginx.d; ls compose.override.yml compose.capacity.yml")
    assert left.stdout == ""
