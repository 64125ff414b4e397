"""How much memory this process and all that it started take, at their peak."""

from __future__ import annotations

import threading
from collections import defaultdict
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["PeakMemory", "tree_memory"]

_LOOK_SECONDS = 0.1


class PeakMemory:
    """While inside, the memory of a process and of all below it is looked at; ``peak`` and ``growth`` are in bytes.

    Memory that several of them share is counted once.
    """

    def __init__(self, pid: int | str = "self") -> None:
        self.peak = self._before = 0
        self._pid = str(Path("/proc", str(pid)).resolve().name)
        self._over = threading.Event()
        self._looking = threading.Thread(target=self._look, daemon=True)

    @property
    def growth(self) -> int:
        return max(0, self.peak - self._before)

    def __enter__(self) -> Self:
        self._before = tree_memory(self._pid)
        self._looking.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _problem: BaseException | None, _where: TracebackType | None
    ) -> None:
        self._over.set()
        self._looking.join()

    def _look(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            self.peak = max(self.peak, tree_memory(self._pid))


def tree_memory(pid: str) -> int:
    """Bytes of memory of that process and of all below it."""
    children = defaultdict(list)
    for folder in Path("/proc").glob("[0-9]*"):
        parent = _field(folder / "status", "PPid:")
        children[str(parent)].append(folder.name)
    tree = [pid]
    for process in tree:
        tree += children[process]
    return 1024 * sum(_field(Path("/proc", process, "smaps_rollup"), "Pss:") for process in tree)


def _field(file: Path, name: str) -> int:
    try:
        lines = file.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:  # it has just ended
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(name)), 0)
