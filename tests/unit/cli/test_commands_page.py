"""docs/commands.md says what several commands share once."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

PAGE = (Path(__file__).parents[3] / "docs" / "commands.md").read_text(encoding="utf-8")
SHARED = PAGE.partition("## Options that commands share")[2].partition("\n## ")[0]


def rows(text: str) -> list[str]:
    return re.findall(r"^\| `--.*$", text, flags=re.MULTILINE)


def test_what_is_shared_is_said_once() -> None:
    assert len(rows(SHARED)) > 15
    times = Counter(rows(PAGE))
    assert {row: times[row] for row in rows(SHARED) if times[row] != 1} == {}


def test_every_command_still_names_the_shared_options_that_it_takes() -> None:
    rightsize = PAGE.partition("\n## rightsize\n")[2].partition("\n## ")[0]
    for option in ("--inventory", "--limit", "--policy", "--state", "--observation", "--apply", "--yes", "--out"):
        assert f"`{option}`" in rightsize
    assert "| `--settle` |" in rightsize
