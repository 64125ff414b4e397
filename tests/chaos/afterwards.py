"""What follows an operation: the team goes on, the program leaves, the team starts anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.chaos.differences import file_differences
from tests.chaos.grammar import BY_OPTION
from tests.chaos.machine import Program
from tests.chaos.verdict import Judge, moved, sentence

__all__ = ["leave", "team_goes_on", "team_starts_anew"]

_LEFT = ("new", "network", "volume", "schema")


def team_goes_on(judge: Judge) -> None:
    """The team's own next calls change nothing that they should not."""
    draw, host, verdict = judge.draw, judge.host, judge.verdict
    before = host.look(draw)
    for words in ("config -q", "up -d"):
        code, text = host.team(draw, words)
        if code:
            verdict.violation("team", f"the team's {words} fails: {text[-400:]}")
            return
    judge.serves("after the team's up -d", "team")
    after, shape = host.look(draw), draw.shape
    for name in moved(before, after, {shape.database, shape.cache} - {draw.operation.service}):
        verdict.violation("team", f"the team's up -d starts {name} anew")
    # The team's -f goes past a file of ours; and after ``uninstall`` its own limits are in force again.
    own = (shape.files in BY_OPTION and not shape.attached) or draw.operation.name == "uninstall"
    lost = [
        str(entry)
        for entry in judge.all(before, after)
        if entry.kind != "file" and not (own and entry.kind in ("limits", "new", "gone"))
    ]
    if lost:
        verdict.violation("team", f"the team's up -d changes {lost[:6]}")


def leave(judge: Judge, program: Program, pristine: Mapping[str, Any]) -> None:
    """After ``uninstall`` the folder is byte for byte as before, and nothing of the program is left."""
    answer = program.run(["uninstall", "--yes"])
    name = judge.draw.operation.name.split()[0]
    ways = {"emergency": ["emergency", "revert"]}
    ways |= {part: [part, "off", "--apply", "--yes", "--now", "chaos"] for part in ("pgbouncer", "balancer")}
    if answer.code and name in ways:
        program.run(ways[name])
        answer = program.run(["uninstall", "--yes"])
    judge.crashed(answer)
    if answer.code:
        judge.verdict.violation("left", f"uninstall: exit {answer.code}: {sentence(answer)}")
        return
    after = judge.host.look(judge.draw)
    own = {facts["service"] for facts in pristine["containers"].values()}
    listed = [entry for entry in judge.all(pristine, after) if entry.kind in _LEFT and entry.service not in own]
    listed += file_differences(pristine["files"], after["files"], bytes_count=True)
    left = [str(entry) for entry in listed]
    left += sorted({*after["units"], *after["places"]} - {*pristine["units"], *pristine["places"]})
    left += sorted({*after["database"].get("roles", [])} - {*pristine["database"].get("roles", [])})
    if left:
        judge.verdict.violation("left", f"after uninstall: {left[:8]}")


def team_starts_anew(judge: Judge, pristine: Mapping[str, Any]) -> None:
    """``down`` and ``up -d`` bring the project of the first day."""
    for words in ("down -t 5", "up -d"):
        code, text = judge.host.team(judge.draw, words)
        if code:
            judge.verdict.violation("team", f"the team's {words} fails: {text[-400:]}")
            return
    judge.serves("after the team's down and up -d", "team")
    after = judge.host.look(judge.draw)
    # A service's anonymous volumes are new ones then.
    changed = [str(entry) for entry in judge.all(pristine, after) if entry.kind not in ("file", "volume", "mounts")]
    if changed:
        judge.verdict.violation("team", f"after the team's down and up -d: {changed[:6]}")
