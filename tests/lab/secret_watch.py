"""Looks at every process of a machine, again and again, for a planted word: in what it was called with, and in its
environment. Containers have processes of their own and do not count. Imports nothing of the program.

``python3 secret_watch.py WORD_FILE STOP_FILE HITS_FILE`` ends once STOP_FILE is there; a hit is one line of HITS_FILE.
"""

import os
import sys
import time
from pathlib import Path

_LOOK_AGAIN = 0.02  # seconds


def content(process: Path, name: str) -> bytes:
    try:
        return (process / name).read_bytes()
    except OSError:
        return b""  # it has ended


def namespace(process: Path) -> str:
    try:
        return str((process / "ns/pid").readlink())
    except OSError:
        return ""


def hits(word: bytes, here: str) -> set[str]:
    """Program and place of each process that carries the word."""
    carrying = set()
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) == os.getpid() or namespace(process) != here:
            continue
        arguments = content(process, "cmdline").split(b"\0")
        program = b" ".join(arguments[:2]).decode("utf-8", "replace").strip()
        for place, text in (("arguments", b"\0".join(arguments)), ("environment", content(process, "environ"))):
            if word in text:
                carrying.add(f"{place} of {program}")
    return carrying


def main() -> None:
    words, stop, answer = map(Path, sys.argv[1:])
    word, here = words.read_bytes().strip(), namespace(Path("/proc/self"))
    carrying: set[str] = set()
    answer.with_suffix(".ready").touch()
    while not stop.exists():
        carrying |= hits(word, here)
        time.sleep(_LOOK_AGAIN)
    answer.write_text("".join(f"{line}\n" for line in sorted(carrying)), encoding="utf-8")


if __name__ == "__main__":
    main()
