"""Waiting has a bound, asks at least once, and tells what is still wrong at its end."""

from __future__ import annotations

import pytest

from plugins.module_utils.system import waiting


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_PAUSE", 0.001)


def test_it_asks_at_least_once_where_no_time_is_left() -> None:
    assert waiting.waited_for(lambda: True, 0.0)
    assert not waiting.waited_for(lambda: False, 0.0)


def test_it_ends_as_soon_as_the_condition_holds() -> None:
    answers = iter([False, False, True])
    assert waiting.waited_for(lambda: next(answers), 30.0)


def test_the_last_complaint_is_told_and_none_where_it_has_gone() -> None:
    complaints = iter(["it starts", "it is unhealthy", ""])
    assert waiting.complaint_left(lambda: next(complaints), 30.0) == ""
    assert waiting.complaint_left(lambda: "it is unhealthy", 0.0) == "it is unhealthy"
