"""Which program that must run only once a container is: a scheduler that gives out work by the clock."""

from __future__ import annotations

import re

__all__ = ["singleton_of_process"]

_PROGRAMS = (
    ("celery beat", re.compile(r"\bcelery\b.*\sbeat\b")),
    ("a Celery worker with its beat", re.compile(r"\bcelery\b.*\sworker\b.*\s(-B|--beat)(\s|$)")),
    ("cron", re.compile(r"^(\S*/)?(crond?|supercronic|ofelia)(\s|$)")),
    ("a scheduler", re.compile(r"\b(rqscheduler|clockwork|schedule:(work|run))(\s|$)|\bbench\s+schedule\b")),
)
_SHELLS = frozenset({"sh", "bash", "ash", "dash"})
_DEEPEST = 3  # an init and a shell may stand before it


def singleton_of_process(pid: int, proc: str = "/proc") -> str | None:
    """The program that must run only once, by the first process or what alone it has started; None for any other.

    Where several programs share the container nothing is concluded; a shell's own line is not the program's yet.
    """
    process = pid
    for _ in range(_DEEPEST + 1):
        words = [word.decode("utf-8", "replace") for word in _read(f"{proc}/{process}/cmdline").split(b"\0") if word]
        line = " ".join(words)
        shell = bool(words) and words[0].rsplit("/", 1)[-1] in _SHELLS and "-c" in words
        named = None if shell else next((name for name, pattern in _PROGRAMS if pattern.search(line)), None)
        if named is not None:
            return named
        children = _read(f"{proc}/{process}/task/{process}/children").split()
        if len(children) != 1 or not children[0].isdigit():
            return None
        process = int(children[0])
    return None


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as source:
            return source.read()
    except (FileNotFoundError, ProcessLookupError):
        return b""
