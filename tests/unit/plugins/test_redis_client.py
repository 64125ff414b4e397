"""What Redis answers through its own command line, and that a refusal is no answer."""

from __future__ import annotations

from typing import cast

import pytest

from plugins.module_utils.docker.engine import Engine
from plugins.module_utils.redis.client import Redis
from plugins.module_utils.system.failure import HostSideError


class Answering:
    """An engine in whose container ``redis-cli`` answers so."""

    def __init__(self, output: str, code: int = 0, complaints: str = "") -> None:
        self._answer = code, output, complaints

    def run_inside(self, _container: str, _arguments: list[str]) -> tuple[int, str, str]:
        return self._answer


def redis(output: str, code: int = 0, complaints: str = "") -> Redis:
    return Redis(cast("Engine", Answering(output, code, complaints)), "id")


def test_what_it_says_of_itself_is_read_by_name() -> None:
    about = redis("# Memory\r\nused_memory:5\r\nmaxmemory_policy:noeviction\r\n\r\n").about("memory")
    assert about == {"used_memory": "5", "maxmemory_policy": "noeviction"}


@pytest.mark.parametrize(
    ("output", "settings"),
    [("save\n3600 1\n", {"save": "3600 1"}), ("save\n\n", {"save": ""}), ("\n", {})],
    ids=["said", "empty", "unknown"],
)
def test_a_setting_is_read_also_where_it_is_empty(output: str, settings: dict[str, str]) -> None:
    assert redis(output).settings("save") == settings


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (redis("NOAUTH Authentication required.\n"), "NOAUTH Authentication required."),
        (redis("OOM command not allowed when used memory > 'maxmemory'.\n"), "OOM command not allowed"),
        (redis("", 127, "redis-cli: not found"), "redis-cli: not found"),
        (redis("", 1), "no reason was given"),
    ],
)
def test_a_refusal_is_one_sentence_and_no_answer(answer: Redis, reason: str) -> None:
    with pytest.raises(HostSideError, match="Redis does not answer to PING: ") as refused:
        answer.ask("PING")
    assert reason in refused.value.sentence
    assert refused.value.kind == "redis"


def test_text_that_only_begins_like_a_refusal_is_an_answer() -> None:
    assert redis("ERROR_RATE\n").ask("GET", "key") == "ERROR_RATE"
