"""The verdict of a draw, and the looks that it rests on: who serves, who was touched, what differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.differences import Difference, differences
from tests.chaos.expected import may_restart
from tests.chaos.grammar import Draw
from tests.chaos.machine import Answer, Host
from tests.chaos.project import project_name

__all__ = ["Judge", "Verdict", "moved", "sentence"]


@dataclass
class Verdict:
    """What the judge says of a draw: violations by the contract's part, and what else was noticed."""

    violations: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def violation(self, part: str, text: str) -> None:
        """``part``: verified, put back, kept, tasks, team, unfinished, crash, left, neighbour."""
        if (part, text[:900]) not in self.violations:
            self.violations.append((part, text[:900]))


class Judge:
    """Looks at the host of a draw and says what is wrong."""

    def __init__(self, draw: Draw, host: Host) -> None:
        self.draw = draw
        self.host = host
        self.verdict = Verdict()
        project = project_name(draw.shape)
        self.projects = [project, *(f"{project}-{part}" for part in ("balancer", "pgbouncer"))]

    def serves(self, said: str, part: str = "verified") -> None:
        """All that served before does."""
        wrong = self.host.wrong_answers(self.draw, 45)
        if wrong:
            self.verdict.violation(part, f"{said}, but {wrong[:4]}")

    def runs_on(self, said: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        """Nothing has ended, is unhealthy or was killed for its memory."""
        for name, facts in after["containers"].items():
            old = before["containers"].get(name, {})
            if facts["project"] not in self.projects or facts["one_off"] or facts["service"] == "migrate":
                continue
            if facts["state"] != "running" and old.get("state") == "running":
                self.verdict.violation("verified", f"{said}, but {name} is {facts['state']}")
            killed = facts["oom"] and not old.get("oom") and self.draw.fault.kind != "oom"
            if facts["health"] == "unhealthy" or killed:
                self.verdict.violation("verified", f"{said}, but {name} is unhealthy or was killed for its memory")

    def untouched(self, said: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        """The databases, the one-shot service and the neighbour."""
        shape = self.draw.shape
        kept = {service for service in (shape.database, shape.cache) if not may_restart(self.draw, service)}
        for name in moved(before, after, kept):
            self.verdict.violation("kept", f"{said}, but {name} was started anew")
        counts = [look["database"].get("migrations") for look in (before, after)]
        if shape.one_shot and counts[0] != counts[1] and all(counts) and self.draw.fault.kind != "team":
            self.verdict.violation("kept", f"{said}, but the one-shot service ran again: {counts}")
        if shape.neighbour:
            started = moved(before, after, {"site"}) if self.draw.fault.kind != "engine" else []
            listed = differences(before, after, ["neighbour"])
            changed = [str(entry) for entry in listed if entry.thing.startswith("neighbour-")]
            if started or changed or before["neighbour"] != after["neighbour"]:
                self.verdict.violation("neighbour", f"{said}, but of the neighbour {started} {changed}")

    def all(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
        """Every difference of the project and of what stands beside it."""
        return [entry for entry in differences(before, after, self.projects) if not self.by_team(entry)]

    def by_team(self, entry: Difference) -> bool:
        """Whether the team itself set it before a restart."""
        return self.draw.operation.name == "restart" and entry.kind == "setting" and "wal_buffers" in entry.text

    def crashed(self, answer: Answer) -> None:
        """A command that does not end, or that ends with what only its author understands."""
        if answer.hung:
            self.verdict.violation("crash", f"{' '.join(answer.words)} does not end: {answer.text[-300:]}")
        elif "Traceback (most recent" in answer.text or answer.code == 1:
            self.verdict.violation("crash", f"{' '.join(answer.words)}: exit {answer.code}: {answer.text[-700:]}")

    def calm(self) -> None:
        """Wait until nothing of a run is at work on the host any more, at most four minutes."""
        busy = "pgrep -f /var/lib/selextract-infra/[p]rograms/"
        wait = f"for i in $(seq 240); do {busy} >/dev/null || exit 0; sleep 1; done; exit 1"
        if self.host.run(wait, timeout=280, check=False).returncode:
            self.verdict.violation("unfinished", "after four minutes something is still at work on the host")


def moved(before: Mapping[str, Any], after: Mapping[str, Any], services: set[str]) -> list[str]:
    """Containers of some services that are not the same ones any more, or were started since."""
    names = []
    for name, facts in before["containers"].items():
        now = after["containers"].get(name, {})
        same = (now.get("id"), now.get("started")) == (facts["id"], facts["started"])
        if facts["service"] in services and not facts["one_off"] and not same:
            names.append(name)
    return names


def sentence(answer: Answer) -> str:
    """What the program says of a failure."""
    lines = [line.strip() for line in answer.text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("error", "try:", "✗"))]
    return " ".join(errors or lines[-4:])[:400]
