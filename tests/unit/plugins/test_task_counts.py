"""Which queues are a worker service's, and what is said where that is not sure."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.module_utils.tasks import celery
from plugins.module_utils.tasks.broker import Keyspace, QueueCount, RedisBroker, share_of
from plugins.module_utils.tasks.look import count_tasks


class Broker(RedisBroker):
    """Databases with Celery's bindings, and of each queue so many tasks."""

    def __init__(self, databases: dict[int, list[str]], members: dict[str, list[str]]) -> None:
        self.keys, self.members = databases, members

    def databases(self) -> dict[int, int]:
        return {database: len(keys) for database, keys in self.keys.items()}

    def telling_keys(self, database: int, likely: list[str]) -> list[str]:
        assert "rq:queues" in likely
        return self.keys[database]

    def evaluate(self, script: str, keys: list[str], *arguments: str, database: int = 0) -> Any:
        assert "SMEMBERS" in script
        assert not arguments
        assert database >= 0
        return [[key, self.members[key]] for key in keys]


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each queue has as many tasks as its name has letters; one that nobody knows is held beside them."""

    def count(broker: RedisBroker, keyspace: Keyspace, queues: tuple[str, ...]) -> dict[str, QueueCount]:
        return {**{queue: QueueCount(waiting=len(queue)) for queue in queues}, "stray": QueueCount(held=1)}

    monkeypatch.setattr(celery, "count", count)


BINDING = "_kombu.binding."
MEMBERS = {
    BINDING + "celery": ["celery\x06\x16\x06\x16celery", "a.b\x06\x16\x06\x16mail"],
    BINDING + "celery.pidbox": ["\x06\x16\x06\x16celery@host.celery.pidbox"],
    BINDING + "celeryev": ["worker.#\x06\x16\x06\x16celeryev.1"],
    "own:" + BINDING + "celery": ["celery::celery"],
}


def wanted(service: str, *queues: str, **where: Any) -> dict[str, Any]:
    return {"service": service, "queues": [*queues], "system": None, "database": None, "prefix": None, **where}


def test_celery_s_own_queues_are_none_of_the_app_s_and_the_separator_is_the_app_s() -> None:
    own, prefixed = celery.keyspaces(Broker({}, MEMBERS), 3, [*MEMBERS])
    assert (own.prefix, own.queues, own.separator) == ("", ("celery", "mail"), "\x06\x16")
    assert own.routes["celery", "a.b"] == "mail"
    assert (prefixed.prefix, prefixed.queues, prefixed.separator) == ("own:", ("celery",), ":")


@pytest.mark.usefixtures("counted")
def test_who_names_no_queue_has_what_others_leave_and_sums_count_a_queue_once() -> None:
    broker = Broker({0: [BINDING + "celery"]}, MEMBERS)
    found = count_tasks(broker, [wanted("mailer", "mail"), wanted("rest"), wanted("again", "mail")])
    numbers = {tasks["service"]: (tasks["queued"], tasks["reserved"]) for tasks in found["tasks"]}
    assert numbers == {"mailer": (4, 0), "rest": (6, 1), "again": (4, 0)}
    assert (found["queued"], found["reserved"], found["scheduled"]) == (10, 1, 0)


@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize(
    ("where", "words"),
    [
        ({}, "several sets of queues"),
        ({"database": 7}, "no queue of a system that is known here"),
        ({"system": "rq"}, "no queue of rq"),
        ({"system": "other"}, "another system than celery, rq, sidekiq, bullmq"),
        ({"database": 1, "prefix": "else:"}, "no queue of"),
    ],
)
def test_what_is_not_sure_has_no_number_and_leaves_no_sum(where: dict[str, Any], words: str) -> None:
    broker = Broker({0: [BINDING + "celery"], 1: ["own:" + BINDING + "celery"]}, MEMBERS)
    found = count_tasks(broker, [wanted("jobs", database=1), wanted("other", **where)])
    jobs, other = found["tasks"]
    assert jobs["queued"] == 6
    assert words in other["problem"]
    assert "queued" not in other
    assert "queued" not in found


def test_of_a_long_queue_a_part_stands_for_all() -> None:
    assert share_of(1500, 1500, 20) == 20
    assert share_of(100_000, 5_000, 2_500) == 50_000
    assert share_of(0, 0, 0) == 0
