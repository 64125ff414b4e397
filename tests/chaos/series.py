"""A series of draws: ``python -m tests.chaos.series N [--seed S]``; draw k has seed S + k."""

from __future__ import annotations

import argparse
import os
import secrets
import subprocess
import sys
import time
import traceback
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tests.chaos.grammar import Draw, Fault, draw
from tests.chaos.kept import Kept, code_of
from tests.chaos.machine import Host, Program, VoidError
from tests.chaos.trial import Trial

__all__ = ["Place", "judge", "line"]

ROOT = Path(__file__).parent.parent.parent


class Place:
    """Where draws are judged: a lab that is up, and the program in a checkout."""

    def __init__(self, lab: str, folder: Path, work: Path, checkout: Path = ROOT) -> None:
        self.host = Host(lab)
        self.inventory = folder / "inventory"
        self.executable = checkout / ".venv/bin/selextract-infra"
        self.work = work
        self.prepared = False
        self._lab = lab

    def prepare(self) -> None:
        """Bring the lab up, unless it is, and what draws need onto it."""
        if not self.host.is_up():
            subprocess.run([str(self.executable), "lab", "up", "--name", self._lab], check=True, timeout=1200)
        self.host.prepare()
        self.prepared = True


def judge(place: Place, drawn: Draw) -> dict[str, Any]:
    """The result of a draw, with its verdict: ok, refused, violation or void."""
    began = time.monotonic()
    machines = [Program.at(place.executable, place.work / name, place.inventory, drawn) for name in ("first", "second")]
    trial = Trial(drawn, place.host, *machines)
    result: dict[str, Any] = {"seed": drawn.seed, "drawn": asdict(drawn)}
    try:
        verdict = trial.run()
        outcome = "violation" if verdict.violations else "refused" if verdict.facts["outcome"] == "refused" else "ok"
        result |= {"verdict": outcome, "violations": verdict.violations, "notes": verdict.notes, "facts": verdict.facts}
    except (VoidError, AssertionError, LookupError, ValueError, OSError, TypeError) as problem:
        sentence = str(problem) if isinstance(problem, VoidError) else traceback.format_exc()
        result |= {
            "verdict": "void",
            "violations": trial.verdict.violations,
            "notes": [sentence[-1500:]],
            "facts": trial.verdict.facts,
        }
    calls = [
        {"words": call.words, "code": call.code, "seconds": call.seconds, "text": call.text[-3000:]}
        for call in machines[0].calls
    ]
    return {**result, "calls": calls, "seconds": round(time.monotonic() - began)}


def line(result: dict[str, Any]) -> str:
    """One draw on one line."""
    drawn, facts = result["drawn"], result["facts"]
    fault = f"{drawn['fault']['kind']} {drawn['fault']['detail']}".strip() + (
        "" if facts.get("struck") is not None else " (not struck)"
    )
    if drawn["fault"]["kind"] != "none" and facts.get("struck") is None:
        fault += " (too late)"
    shape = f"{drawn['shape']['files']}/{drawn['shape']['front']}/{drawn['shape']['limits']}"
    parts = " ".join(sorted({part for part, _ in result["violations"]}))
    return (
        f"{result['seed']:>7} {drawn['operation']['name']:<16}{shape:<28}{fault:<26}{facts.get('outcome', '')!s:<17}"
        f"{facts.get('code', '')!s:>4}{result['seconds']:>5} s  {result['verdict']} {parts}"
    )


def main(arguments: list[str] | None = None) -> int:
    """Draw, judge, keep and print; 1 where there is a violation or a void draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("draws", type=int)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--lab", default="chaos")
    parser.add_argument("--checkout", type=Path, default=ROOT, help="whose program is judged")
    parser.add_argument("--no-fault", action="store_true", help="the same draws without their faults; not kept")
    parser.add_argument("--again", action="store_true", help="also what is kept already")
    parser.add_argument("--show", action="store_true", help="only say what is drawn")
    given = parser.parse_args(arguments)
    seed = given.seed if given.seed is not None else secrets.randbelow(1_000_000)
    print(f"seed {seed}", flush=True)
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state")
    folder, work = state / "selextract-infra/lab" / given.lab, ROOT / ".cache/chaos/work" / given.lab
    place = Place(given.lab, folder, work, given.checkout)
    kept = Kept(ROOT / ".cache/chaos/draws.jsonl", code_of(given.checkout))
    results: list[dict[str, Any]] = []
    for number in range(seed, seed + given.draws):
        drawn = draw(number)
        if given.show:
            print(drawn)
            continue
        if given.no_fault:
            drawn = replace(drawn, fault=Fault("none"))
        result = None if given.again or given.no_fault else kept.of(number)
        if result is None:
            if not place.prepared:
                place.prepare()
            result = judge(place, drawn)
            if not given.no_fault:
                kept.add(result)
        results.append(result)
        _show(result)
    print(dict(Counter(result["verdict"] for result in results)))
    return int(any(result["verdict"] in ("violation", "void") for result in results))


def _show(result: dict[str, Any]) -> None:
    print(line(result), flush=True)
    for part, text in result["violations"]:
        print(f"          {part}: {text}", flush=True)
    for text in result["notes"]:
        print(f"          note: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
