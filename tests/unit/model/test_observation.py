"""What a host says of a program is read into its type, whatever it is."""

from __future__ import annotations

import pytest

from selextract_infra.model.observation import HostObservation, ProgramLook


class Cache(ProgramLook):
    used: int = 0


def seen(answer: dict[str, object]) -> HostObservation:
    return HostObservation(name="app1", programs={"shop-cache-1": answer})


def test_what_a_program_says_is_read_by_its_container() -> None:
    assert seen({"used": 7}).program("shop-cache-1", Cache) == Cache(used=7)
    assert seen({"used": 7}).program("shop-cache-2", Cache) is None


@pytest.mark.parametrize("answer", [{"used": "\x1b[2Jmuch"}, {"unknown\x1b[2J": 1}, {"used": None}])
def test_what_is_not_understood_is_a_problem_in_one_sentence(answer: dict[str, object]) -> None:
    look = seen(answer).program("shop-cache-1", Cache)
    assert look is not None
    assert look.problem is not None
    assert look.problem.startswith("What the host says of shop-cache-1 is not understood: ")
    assert look.problem.isprintable()
