"""Paired, alternating timings of whole commands: the machine's noise hits both sides alike."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Pairs:
    """Seconds of both commands, pair by pair."""

    ours: tuple[float, ...]
    peer: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Median over the pairs of ours divided by the peer's."""
        return statistics.median(one / other for one, other in zip(self.ours, self.peer, strict=True))

    def line(self, name: str, target: float | None = None) -> str:
        """One line for people."""
        wanted = f"   target <= {target:g} x" if target is not None else ""
        ours, peer = statistics.median(self.ours), statistics.median(self.peer)
        return f"{name:<52} {ours:7.2f} s against {peer:7.2f} s   {self.ratio:5.2f} x{wanted}"


def seconds(command: Sequence[str]) -> float:
    """How long a command takes from outside; it must succeed."""
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=600)
    return time.perf_counter() - begin


def pairs(ours: Sequence[str], peer: Sequence[str], rounds: int) -> Pairs:
    """Run both in turn, after one run of each that does not count."""
    seconds(ours), seconds(peer)
    measured = [(seconds(ours), seconds(peer)) for _ in range(rounds)]
    return Pairs(tuple(one for one, _ in measured), tuple(other for _, other in measured))
