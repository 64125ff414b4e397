"""What hosts and files said leaves the program in a few places only, and each takes out what a terminal acts on.

Every file of the package is read: whoever writes elsewhere to a terminal or a file fails here.
"""

from __future__ import annotations

import ast
import sys
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console

from selextract_infra.cli.frame.output import Format, complain, emit, say, write_out
from selextract_infra.hosts.own_file import write_own_file
from selextract_infra.report.table import Line
from selextract_infra.report.terminal import draw

PACKAGE = Path(__file__).parents[3] / "selextract_infra"
HOSTILE = "\x1b]0;title\x07\x1b]52;c;ZXZpbA==\x07\x1b[2J\x9b31m\u202egnp.exe\u200b\x00\bword\r"

TO_TERMINALS = {
    "cli/__init__.py": "its own version, and a broken pipe",
    "cli/frame/output.py": "the way out",
    "hosts/preflight.py": "a method of that name",
    "report/progress.py": "a live display, through displayable and the layout",
    "report/terminal.py": "tables, through the layout",
}
TO_FILES = {
    "flow/queue.py": "the queue, 0600, in the state folder",
    "hosts/own_file.py": "the one for files that people name",
    "hosts/scratch.py": "a new file in a folder of the run",
}


def _calls(file: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Call))


def _name(call: ast.Call) -> str:
    parts: list[str] = []
    node: ast.expr = call.func
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join(reversed([*parts, node.id] if isinstance(node, ast.Name) else parts))


def _prints(call: ast.Call) -> bool:
    name = _name(call)
    return name in {"print", "typer.echo", "typer.secho", "click.echo"} or name.endswith(
        ("stdout.write", "stderr.write", "stdout.buffer.write", ".print")
    ) or (name.startswith(("sys.stdout", "sys.stderr")) and name.endswith("write"))  # fmt: skip


def _writes(call: ast.Call) -> bool:
    name = _name(call)
    if name.endswith((".write_text", ".write_bytes")):
        return True
    modes = [*call.args[1:2], *(word.value for word in call.keywords if word.arg == "mode")]
    written = any(isinstance(mode, ast.Constant) and set(str(mode.value)) & set("wax+") for mode in modes)
    return name in {"open", "os.fdopen"} and written


def _files(condition: Callable[[ast.Call], bool]) -> set[str]:
    files = [file for file in PACKAGE.rglob("*.py") if "lab" not in file.relative_to(PACKAGE).parts]
    return {file.relative_to(PACKAGE).as_posix() for file in files if any(map(condition, _calls(file)))}


def test_nothing_is_printed_elsewhere() -> None:
    assert _files(_prints) <= TO_TERMINALS.keys()


def test_nothing_is_written_to_a_file_elsewhere() -> None:
    assert _files(_writes) == TO_FILES.keys()


def _drawn(words: str) -> None:
    draw(Console(file=sys.stdout, force_terminal=True, color_system=None), [Line(words)])


@pytest.mark.parametrize(
    "way",
    [
        write_out,
        say,
        complain,
        lambda words: complain("It failed.", words),
        lambda words: emit({"name": words, words: 1}, (), Format.JSON),
        _drawn,
    ],
    ids=["text", "progress", "error", "remedy", "JSON", "table"],
)
def test_nothing_that_a_terminal_acts_on_leaves(way: Callable[[str], None], capsys: pytest.CaptureFixture[str]) -> None:
    way(HOSTILE)
    printed = "".join(capsys.readouterr())
    assert "word" in printed
    acting = [sign for sign in printed if sign != "\n" and unicodedata.category(sign) in ("Cc", "Cf", "Cs")]
    assert not acting, ascii(printed)


def test_a_text_that_is_laid_out_stays_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    text = "a:\n  b: 1\t# é\n\n"
    write_out(text)
    assert capsys.readouterr().out == text


def test_a_link_in_the_place_of_a_file_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("theirs\n")
    (tmp_path / "plan.json").symlink_to(other)
    write_own_file(tmp_path / "plan.json", "ours\n")
    assert other.read_text() == "theirs\n"
    assert not (tmp_path / "plan.json").is_symlink()
    assert (tmp_path / "plan.json").stat().st_mode & 0o777 == 0o600
