"""``lab`` on the command line: bad words end before anything is touched."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from selextract_infra.cli import build
from selextract_infra.errors import UsageError


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["load", "--step", "fast"], "RPS@DURATION"),
        (["load", "--step", "5@soon"], "not a duration"),
        (["load", "--for", "2"], "not a duration"),
        (["load", "--rps", "1", "--for", "1s"], "no lab called"),
        (["up", "--topology", "ring"], "there are single and multi"),
        (["up", "--name", "A lab"], "cannot be the name"),
    ],
)
def test_words_that_make_no_sense_are_one_sentence(
    words: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    ended = CliRunner().invoke(build(), ["lab", *words])
    assert isinstance(ended.exception, UsageError)
    assert sentence in str(ended.exception)
    assert not list(tmp_path.rglob("*"))
