"""One Table, drawn for terminals of any width, for files, as Markdown and as HTML."""

from __future__ import annotations

import io
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from selextract_infra.model import assessment, decision, finding, loadtest, planning, run
from selextract_infra.operations.doctor import diagnosis
from selextract_infra.report.layout import plain_text
from selextract_infra.report.markdown import markdown_table
from selextract_infra.report.table import Cell, Line, Table, Tone, fields, number, picture, prose, table, tone_of
from selextract_infra.report.terminal import draw

LONG = "The peak of 600 MB is 29.3 % of the limit, and the policy allows 60 % of it, so less would do."
SIZES = table(
    ("service", number("now"), picture(), prose("why")),
    [("api", "2,048 MB", "██░░", LONG), (Cell("db", Tone.BAD, note="(primary)"), "512 MB", "█░░░", "It is | full.")],
    caption="Limits",
    foot=("all", "2,560 MB", "", ""),
)


def test_a_table_that_fits_has_a_row_a_line() -> None:
    assert plain_text([SIZES], 200).splitlines() == [
        "Limits",
        "service            now        why",
        "─" * (12 + 2 + 8 + 2 + 4 + 2 + len(LONG)),
        f"api           2,048 MB  ██░░  {LONG}",
        "db (primary)    512 MB  █░░░  It is | full.",
        "─" * (12 + 2 + 8 + 2 + 4 + 2 + len(LONG)),
        "all           2,560 MB",
    ]


def test_prose_goes_below_its_row_where_it_would_be_narrow() -> None:
    lines = plain_text([SIZES], 60).splitlines()
    assert lines[1:3] == ["service            now", "    why"]
    assert lines[4:7] == [
        "api           2,048 MB  ██░░",
        "    The peak of 600 MB is 29.3 % of the limit, and the",
        "      policy allows 60 % of it, so less would do.",
    ]


words = st.text(st.sampled_from("abcdefghij"), min_size=1, max_size=14)
sentences = st.lists(words, min_size=1, max_size=20).map(" ".join)


@given(st.lists(st.tuples(sentences, sentences, sentences), min_size=1, max_size=6), st.sampled_from([80, 120, 10_000]))
def test_no_word_is_ever_broken_or_lost_and_no_line_is_too_wide(rows: list[tuple[str, str, str]], width: int) -> None:
    text = plain_text([table(("first", "second", prose("third")), rows)], width)
    assert max(cell_len(line) for line in text.splitlines()) <= width
    assert {word for row in rows for cell in row for word in cell.split()} <= set(text.split())


def test_a_number_stays_with_its_unit() -> None:
    assert plain_text([Line("It takes 30 s")], 12).splitlines() == ["It takes", "30 s"]


def test_only_a_word_wider_than_the_screen_is_broken() -> None:
    text = plain_text([fields([("name", "x" * 200)])], 80)
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("x") == 200


def test_into_a_pipe_nothing_is_broken_or_cut(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from selextract_infra.cli.frame.output import show

    monkeypatch.delenv("COLUMNS", raising=False)
    show([Line(f"{LONG} {LONG}"), SIZES])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{LONG} {LONG}"
    assert f"api           2,048 MB  ██░░  {LONG}" in lines


def test_what_comes_from_a_host_is_shown_harmlessly_by_every_renderer() -> None:
    hostile = table(("name",), [("\x1b[2J\u202e[red]x[/red] {{ 7*7 }} `a` |\r\n",)])
    console = Console(file=io.StringIO(), width=80, markup=True)
    draw(console, [hostile])
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().splitlines()[-1] == "[red]x[/red] {{ 7*7 }} `a` |"
    assert list(markdown_table(hostile))[-1] == r"| \[red\]x\[/red\] {{ 7\*7 }} \`a\` \| |"


def test_markdown_has_no_pictures_and_aligns_numbers() -> None:
    assert list(markdown_table(SIZES)) == [
        "| service | now | why |",
        "| --- | ---: | --- |",
        f"| api | 2,048 MB | {LONG} |",
        r"| db (primary) | 512 MB | It is \| full. |",
        "| all | 2,560 MB |  |",
    ]


def test_rows_that_are_left_out_are_counted() -> None:
    cut = table(("n",), [(str(index),) for index in range(5)], most=3, noun="reading")
    assert plain_text([cut], 80).splitlines()[-1] == "2 more readings"


def test_an_empty_column_of_words_is_left_out_and_one_of_numbers_stays() -> None:
    assert plain_text([table(("a", "b", number("c")), [("x", "", "")])], 80).splitlines()[0] == "a  c"
    assert plain_text([Table((), ())], 80) == ""


@pytest.mark.parametrize(
    "words",
    [
        assessment.Level,
        decision.Verdict,
        diagnosis.CheckStatus,
        finding.Severity,
        loadtest.LoadTestVerdict,
        planning.MilestoneStatus,
        run.RunStatus,
        run.StepStatus,
    ],
)
def test_every_level_severity_verdict_and_status_has_its_tone(words: type[StrEnum]) -> None:
    plain = {word for word in words if tone_of(word) is Tone.PLAIN}
    assert plain <= {"minor"}
