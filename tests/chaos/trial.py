"""The course of one draw: the team deploys, the operation runs under load and fault, people end it."""

from __future__ import annotations

import json
import re
import time
from typing import Any

from tests.chaos.afterwards import leave, team_goes_on, team_starts_anew
from tests.chaos.commands import commands
from tests.chaos.expected import not_in_force, unexpected
from tests.chaos.faults import Strike
from tests.chaos.grammar import Draw
from tests.chaos.machine import Answer, Host, Program, VoidError
from tests.chaos.project import files, root
from tests.chaos.traffic import Traffic, ask
from tests.chaos.verdict import Judge, Verdict, moved, sentence

__all__ = ["Trial"]

_REFUSED = {2, 3, 4, 5, 9, 10, 11}
_NEIGHBOUR = """\
services:
  site:
    image: selextract/stack:lab
    restart: unless-stopped
    command: [python3, -m, http.server, "8000", --directory, /srv]
    ports: ["127.0.0.1:19090:8000"]
    environment: {TOKEN: "${NEIGHBOUR_TOKEN}"}
    mem_limit: 64m
"""


class Trial:
    """One draw on one host."""

    def __init__(self, draw: Draw, host: Host, program: Program, second: Program) -> None:
        self.draw = draw
        self.host = host
        self.program = program
        self.second = second
        self.judge = Judge(draw, host)
        self.verdict = self.judge.verdict
        self.traffic = Traffic(self.judge)
        self.strike = Strike(draw, host, second)

    # The course

    def run(self) -> Verdict:
        """All of it. Raises ``VoidError`` where the shape does not come up by itself."""
        self._deploy()
        pristine = self.host.look(self.draw)
        outcome = self._operate(pristine)
        self.verdict.facts["outcome"] = outcome
        if (
            outcome == "refused"
            and not self.verdict.violations
            and not self._changed(pristine, self.host.look(self.draw))
        ):
            return self.verdict
        team_goes_on(self.judge)
        self.strike.unmount()
        leave(self.judge, self.program, pristine)
        team_starts_anew(self.judge, pristine)
        return self.verdict

    def _deploy(self) -> None:
        draw, host = self.draw, self.host
        host.clean()
        self.strike.before()
        host.put(files(draw.shape), root(draw.shape))
        if draw.shape.neighbour:
            host.put({"compose.yaml": (_NEIGHBOUR, 0o644), ".env": ("NEIGHBOUR_TOKEN=mine\n", 0o600)}, "/srv/neighbour")
            host.run("cd /srv/neighbour && docker compose up -d", timeout=120)
        code, words = host.team(draw, "up -d")
        wrong = host.wrong_answers(draw, 60) if not code else [words[-500:]]
        if code or wrong:
            raise VoidError(f"the shape does not come up: {code} {wrong}")
        first = host.look(draw)
        code, words = host.team(draw, "up -d")
        restarted = moved(
            first, host.look(draw), {facts["service"] for facts in first["containers"].values()} - {"migrate"}
        )
        if code or restarted:
            raise VoidError(f"the team's second up is not quiet: {code} {restarted} {words[-300:]}")

    def _operate(self, pristine: dict[str, Any]) -> str:
        typed, runs = commands(self.draw), []
        for command in typed[:-1]:
            if command.team:
                ask(self.judge, command.team)
                continue
            before = self.host.look(self.draw)
            answer = self._with_remedies(list(command.words), None)
            if answer.code:
                return self._prepared_badly(answer, before)
            runs.append(_run(answer))
        before = self.host.look(self.draw)
        words = [runs[0] if word == "@1" else word for word in typed[-1].words]
        self.traffic.begin()
        answer = self._with_remedies(words, self.strike)
        self.strike.heal()
        outcome = self._end(answer, before, pristine)
        self.traffic.end(self._plan())
        return outcome

    def _with_remedies(self, words: list[str], strike: Strike | None) -> Answer:
        """The command as a careful user types it: what a refusal names as the way round it is taken, once each."""
        out = ["--out", str(self.program.work / "plan.json")] if "--apply" in words else []
        (self.program.work / "plan.json").unlink(missing_ok=True)
        for _ in range(5):
            began = time.monotonic()
            process = self.program.start([*words, *out])
            thread = strike.begin(process, words) if strike and self.draw.fault.kind != "none" else None
            answer = self.program.end(process, words, began)
            if strike:
                strike.heal() if self.draw.fault.kind == "disk" else None
            if thread:
                thread.join(200)
            self.judge.crashed(answer)
            remedy = _remedy(answer, words)
            if not remedy:
                return answer
            words = [*words, *remedy]
        return answer

    def _prepared_badly(self, answer: Answer, before: dict[str, Any]) -> str:
        changed = self._changed(before, self.host.look(self.draw))
        self.verdict.notes.append(f"{' '.join(answer.words[:2])}: exit {answer.code}: {sentence(answer)}")
        if changed:
            self.verdict.violation(
                "put back", f"{' '.join(answer.words)}: exit {answer.code}, but the host differs: {changed[:6]}"
            )
        if answer.code not in _REFUSED:
            self.verdict.violation(
                "verified", f"without a fault, {' '.join(answer.words)}: exit {answer.code}: {sentence(answer)}"
            )
        return "refused"

    # How it ended

    def _end(self, answer: Answer, before: dict[str, Any], pristine: dict[str, Any]) -> str:
        self.judge.calm()
        status = self.program.status()
        listed = [*(status.get("running") or []), *(status.get("interrupted") or [])]
        other = self.strike.answer
        self.verdict.facts |= {
            "code": answer.code,
            "seconds": answer.seconds,
            "listed": listed,
            "struck": self.strike.struck_at,
            "strike": self.strike.problem
            or self.strike.team
            or (other and [other.words, other.code, other.text[-600:]]),
        }
        if self.strike.answer:
            self.judge.crashed(self.strike.answer)
        said = f"{' '.join(answer.words)}: exit {answer.code}"
        if answer.code in (0, 6) and listed and not self.strike.answer:
            self.verdict.violation("unfinished", f"{said}, but status lists {listed} as unfinished")
        if answer.code == 0:
            self._done(said, before, pristine)
            return "done"
        if answer.code == 6:
            self._as_before(f"{said}, put back", before)
            return "put back"
        if listed:
            return self._take_up(str(listed[0]), said, before, pristine)
        return self._nothing_listed(answer, said, before, pristine)

    def _nothing_listed(self, answer: Answer, said: str, before: dict[str, Any], pristine: dict[str, Any]) -> str:
        """Refused, cancelled before anything was done, or done by the host itself; or the truth is kept back."""
        changed = self._changed(before, self.host.look(self.draw))
        self.verdict.notes.append(f"exit {answer.code}: {sentence(answer)}")
        if not changed:
            self.judge.serves(said)
            return "refused" if answer.code in _REFUSED else "nothing done"
        if answer.code in _REFUSED and not self._others_acted():
            self.verdict.violation("put back", f"{said}, refused, but the host differs: {changed[:6]}")
        elif self._unexplained(before, pristine) and not self._others_acted():
            self.verdict.violation(
                "unfinished", f"{said}, and status lists nothing, but the host differs: {changed[:6]}"
            )
        self.judge.serves(said)
        return "refused" if answer.code in _REFUSED else "done by the host"

    def _take_up(self, run: str, said: str, before: dict[str, Any], pristine: dict[str, Any]) -> str:
        """What a person does with an unfinished run, as drawn; then the other way."""
        first = self.draw.fault.ending
        ways = [first, first, "rollback" if first == "resume" else "resume"]
        for way in ways:
            answer = self.program.run([way, run, *(["--now", "chaos"] if way == "resume" else [])])
            self.judge.crashed(answer)
            said = f"{said}; {way}: exit {answer.code}"
            if answer.code == 0 and way == "resume":
                self._done(said, before, pristine)
                return "resumed"
            if answer.code in (0, 6):
                self._as_before(said, before)
                return "rolled back"
            time.sleep(15 if answer.code in (5, 8) else 0)
            self.judge.calm()
        self.verdict.violation("unfinished", f"{said}: the run cannot be ended: {sentence(answer)}")
        self.judge.serves(said)
        return "unfinished"

    def _done(self, said: str, before: dict[str, Any], pristine: dict[str, Any]) -> None:
        """Verified means that it serves, that what was asked for is in force, and that nothing else moved."""
        self.judge.serves(said)
        time.sleep(5)
        after = self.host.look(self.draw)
        self.judge.runs_on(said, before, after)
        if not self._others_acted():
            for text in [*self._unexplained(before, pristine, after), *self._missing(after)]:
                self.verdict.violation("verified", f"{said}, but {text}")
        self.judge.untouched(said, before, after)

    def _unexplained(
        self, before: dict[str, Any], pristine: dict[str, Any], after: dict[str, Any] | None = None
    ) -> list[str]:
        after = after or self.host.look(self.draw)
        name = self.draw.operation.name
        if name in ("balancer off", "pgbouncer off", "rollback", "emergency revert"):
            return self._changed(pristine, after, files=False)
        listed = [entry for entry in self.judge.all(before, after) if entry.kind != "file"]
        if name == "rollback older":
            service = self.draw.operation.service
            own = [entry for entry in self.judge.all(pristine, after) if entry.service == service]
            return [str(entry) for entry in (*own, *listed) if entry in own or entry.service != service]
        if name == "uninstall":
            return [str(entry) for entry in listed]
        return unexpected(self.draw, self.judge.all(before, after))

    def _missing(self, after: dict[str, Any]) -> list[str]:
        plan = self._plan()
        if plan.get("steps") == []:
            return []
        return not_in_force(self.draw, after["containers"])

    def _as_before(self, said: str, before: dict[str, Any]) -> None:
        """Put back means that it is as before."""
        self.judge.serves(said)
        after = self.host.look(self.draw)
        changed = self._changed(before, after)
        if changed and not self._others_acted():
            self.verdict.violation("put back", f"{said}, but the host differs: {changed[:8]}")
        self.judge.untouched(said, before, after)

    # Small things

    def _changed(self, before: dict[str, Any], after: dict[str, Any], *, files: bool = True) -> list[str]:
        return [str(entry) for entry in self.judge.all(before, after) if files or entry.kind != "file"]

    def _others_acted(self) -> bool:
        """Whether the team or a second machine changed the project too, so that the values are not the draw's alone."""
        other = self.strike.answer is not None and self.strike.answer.code in (0, 6)
        return other or (self.draw.fault.kind == "team" and self.strike.struck_at is not None)

    def _plan(self) -> dict[str, Any]:
        try:
            plan: dict[str, Any] = json.loads((self.program.work / "plan.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return plan


def _remedy(answer: Answer, words: list[str]) -> list[str]:
    """What a refusal names as the way round it, if it was not taken yet."""
    if answer.code != 3:
        return []
    rules = [rule for rule in re.findall(r"--override ([A-Z]+-\d+)", answer.text) if rule not in words]
    settles = "add --settle" in answer.text and "--settle" not in words
    return ["--override", rules[0]] if rules else ["--settle"] if settles else []


def _run(answer: Answer) -> str:
    """The run that a command says it was."""
    known = re.search(r"\b\d{8}T\d{6}-[0-9a-f]{6}\b", answer.text)
    if not known:
        raise VoidError(f"{' '.join(answer.words)} names no run: {answer.text[-300:]}")
    return known[0]
