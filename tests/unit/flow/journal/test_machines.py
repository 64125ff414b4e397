"""A host's usage is its own: none rewrites another's, moves its cursor, or makes the journal grow without end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from selextract_infra.flow.context import Context
from selextract_infra.flow.journal.journal import Journal
from selextract_infra.hosts.observe import hosts as looking
from selextract_infra.model.observation import HostFacts, HostObservation, Observation
from tests.unit.seen import AT, MB, history

BEFORE, AFTER = AT - timedelta(days=2), AT + timedelta(days=2)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path) as opened:
        yield opened


def seen(*machines: tuple[str, str, int]) -> Observation:
    """Hosts with their machine-ids, and the highest memory that each says its api had."""
    hosts = tuple(
        HostObservation(
            name=name, facts=HostFacts(machine_id=machine), history=(history("api", memory=peak * MB),) if peak else ()
        )
        for name, machine, peak in machines
    )
    return Observation(at=AT, hosts=hosts)


def keep(journal: Journal, observation: Observation, *, names: tuple[str, ...] | None = ("app1", "app2")) -> None:
    journal.record_observation(journal.bind_machines(observation, inventory="hosts.yml", names=names))


def peak(journal: Journal, machine: str) -> int | None:
    series = journal.history(machine, since=BEFORE, before=AFTER)
    return max((int(one.memory.max()) // MB for one in series), default=None)


def test_a_host_that_says_it_is_another_machine_does_not_rewrite_its_history(journal: Journal) -> None:
    keep(journal, seen(("app1", "one", 500), ("app2", "two", 900)))
    for names in (("app1", "app2"), None):
        keep(journal, seen(("app1", "two", 1)), names=names)
    keep(journal, seen(("app1", "two", 1), ("app2", "two", 900)))
    assert peak(journal, "two") == 900
    events = [event["sentence"] for event in journal.events(9) if event["kind"] == "machine refused"]
    assert events == ["app1 says it is machine two, but that machine is known as app2; its usage is not kept."]


def test_two_hosts_that_say_they_are_one_new_machine_are_both_refused(journal: Journal) -> None:
    keep(journal, seen(("app1", "one", 5), ("app2", "one", 6)))
    assert peak(journal, "one") is None


def test_a_host_that_says_no_machine_keeps_nothing(journal: Journal) -> None:
    keep(journal, seen(("app1", "", 5)))
    assert peak(journal, "") is None


def test_a_host_with_a_new_name_keeps_its_history_where_the_whole_inventory_was_looked_at(journal: Journal) -> None:
    keep(journal, seen(("web", "one", 500)), names=("web",))
    keep(journal, seen(("app1", "one", 600)), names=None)
    assert peak(journal, "one") == 500
    keep(journal, seen(("app1", "one", 600)), names=("app1",))
    assert peak(journal, "one") == 600
    assert set(journal.cursors()) == {"app1"}


def test_a_host_that_is_another_machine_at_every_look_is_kept_three_times(journal: Journal) -> None:
    for number in range(20):
        keep(journal, seen(("app1", f"machine-{number}", 5)))
    assert set(journal.cursors()["app1"]) == {"machine-17", "machine-18", "machine-19"}
    assert peak(journal, "machine-3") is None


def test_each_host_is_told_of_its_own_cursor_alone(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(context.journal, seen(("app1", "one", 500), ("app2", "two", 900)))
    told: dict[str, object] = {}

    def look_at(*_: object, own: dict[str, object], **__: object) -> dict[str, object]:
        told.update(own)
        return {}

    monkeypatch.setattr(looking, "look_at", look_at)
    start = context.journal.cursors()["app1"]["one"]
    context.observe()
    assert told["app1"] == {"cursors": {"one": start}}
