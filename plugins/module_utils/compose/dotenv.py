"""One entry of a Compose ``.env`` file, read and changed without touching any other byte."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Entry", "entries", "find_entry", "quoted", "resolved", "with_entry", "without_entry"]

_START = re.compile(rb"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*(?:=|:[ \t])[ \t]*")
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,=-]+\Z")
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)(?::?-([^}]*))?\}|([A-Za-z_][A-Za-z0-9_]*))")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


@dataclass(frozen=True)
class Entry:
    """An assignment: where its value is (``start`` to ``end``, quotes included) and how it is quoted."""

    key: str
    start: int
    end: int
    raw: bytes

    @property
    def quote(self) -> str:
        """``'``, ``"`` or nothing."""
        return self.raw[:1].decode() if self.raw[:1] in (b"'", b'"') else ""

    @property
    def text(self) -> str:
        """The value without quotes and escapes; variables in it are still names."""
        text = self.raw.decode("utf-8", "surrogateescape")
        if not self.quote:
            return text
        inner = text[1:-1] if text.endswith(self.quote) and len(text) > 1 else text[1:]
        if self.quote == "'":
            return inner
        return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), inner, flags=re.DOTALL)


def entries(content: bytes) -> list[Entry]:
    """All assignments in order; quoted values may span lines."""
    assignments, position = [], 0
    while position < len(content):
        match = _START.match(content, position)
        if match is None:
            position = _line_end(content, position) + 1
            continue
        end = _value_end(content, match.end())
        assignments.append(Entry(match[1].decode(), match.end(), end, content[match.end() : end]))
        position = _line_end(content, end) + 1
    return assignments


def find_entry(content: bytes, key: str) -> Entry | None:
    """The assignment of ``key`` that counts: the last one."""
    return next((entry for entry in reversed(entries(content)) if entry.key == key), None)


def resolved(content: bytes, key: str) -> str | None:
    """The value of ``key`` with the variables that the file itself sets; None where it is not set."""
    values: dict[str, str] = {}
    for entry in entries(content):
        values[entry.key] = entry.text if entry.quote == "'" else _substituted(entry.text, values)
    return values.get(key)


def with_entry(content: bytes, key: str, raw: bytes) -> bytes:
    """The file with ``key`` set to ``raw`` (quoted already): in place of its value, else on a new last line."""
    entry = find_entry(content, key)
    if entry is not None:
        return content[: entry.start] + raw + content[entry.end :]
    gap = b"" if not content or content.endswith(b"\n") else b"\n"
    return content + gap + key.encode() + b"=" + raw + b"\n"


def without_entry(content: bytes, key: str, raw: bytes, *, gap_added: bool) -> bytes:
    """The file without the line ``with_entry`` added; ``gap_added`` says that the line before had no end then."""
    line = key.encode() + b"=" + raw + b"\n"
    position = content.rfind(line)
    if position < 0 or (position > 0 and content[position - 1 : position] != b"\n"):
        return content
    before, after = content[:position], content[position + len(line) :]
    if gap_added and not after:
        before = before[:-1]
    return before + after


def quoted(text: str) -> bytes:
    """``text`` as a value that reads back as exactly that."""
    if _PLAIN.match(text):
        return text.encode()
    if "'" not in text and "\n" not in text:
        return b"'" + text.encode("utf-8", "surrogateescape") + b"'"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$").replace("\n", "\\n")
    return b'"' + escaped.encode("utf-8", "surrogateescape") + b'"'


def _line_end(content: bytes, position: int) -> int:
    end = content.find(b"\n", position)
    return len(content) if end < 0 else end


def _value_end(content: bytes, start: int) -> int:
    quote = content[start : start + 1]
    if quote in (b"'", b'"'):
        position = start + 1
        while position < len(content) and content[position : position + 1] != quote:
            position += 2 if content[position : position + 1] == b"\\" and quote == b'"' else 1
        if position < len(content):
            return position + 1
    line = content[start : _line_end(content, start)]
    comment = re.search(rb"[ \t]#", line)
    return start + len((line[: comment.start()] if comment else line).rstrip())


def _substituted(text: str, values: dict[str, str]) -> str:
    return _VARIABLE.sub(lambda match: values.get(match[1] or match[3]) or match[2] or "", text)
