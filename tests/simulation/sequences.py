"""Random sequences: a drawn shape, then operations, rollbacks, faults and what the team does, all from one seed."""

from __future__ import annotations

import copy
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from selextract_infra.errors import SelextractError
from selextract_infra.model.plan import Plan
from selextract_infra.model.run import Run
from tests.simulation.boundaries import Boundaries, ControlDiedError, Fault, FaultKind
from tests.simulation.compose_program import ComposeRejectsError
from tests.simulation.judge import State, differences, left_over, state_of
from tests.simulation.shapes import IN_ANY_ORDER, deploy_again, drawn_shape, odd_shape, world_plan
from tests.simulation.team import TEAM_ACTS, stop_one
from tests.simulation.trial import World, world

__all__ = ["Sequence", "play"]

_LENGTH = 8  # operations
_FAULTY = 0.5
_LEASE = 7200.0
_UP_AGAIN, _SLOW = 60.0, 90.0
_MEDDLED = 4  # each so manieth sequence has other things that the team does
_ODD = 2  # and the one half-way to the next one is of an odd shape, too
_DRIFTED, _PUT_BACK, _NOT_PUT_BACK = 9, 6, 7  # exit codes
_SCRATCH = "selextract-scratch-"
_BOTH = ("as its files say", "as many as its files say")
_REFUSED = (2, 3, 5, _DRIFTED)


@dataclass
class Sequence:
    """What was done in order, how many of it were whole operations, and what was wrong, none where all was right."""

    seed: int
    operations: int = 0
    told: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    stopped: set[str] = field(default_factory=set)
    """The containers, by ID, that the team has stopped by hand."""

    def __str__(self) -> str:
        return f"seed {self.seed}: " + "\n  ".join([*self.told, *self.violations])


def play(seed: int) -> Sequence:
    """The sequence of that seed; it ends at the first violation."""
    draw, meddling = random.Random(seed), random.Random(seed)
    shape = odd_shape(draw) if seed % _MEDDLED == _ODD else drawn_shape(draw)
    sequence = Sequence(seed)
    with world(shape) as here:
        runs: list[tuple[str, State, State]] = []
        while len(sequence.told) < _LENGTH and not sequence.violations:
            if seed % _MEDDLED in (0, _ODD) and meddling.random() < 0.25:
                _meddle(here, sequence, meddling)
            elif runs and draw.random() < 0.25:
                _roll_back(here, sequence, draw, runs)
            elif draw.random() < 0.1:
                _team(here, sequence)
            else:
                falls_ill = seed % _MEDDLED in (0, _ODD) and meddling.random() < 0.2
                _operate(here, sequence, draw, runs, meddling if falls_ill else None)
            out = {*here.host.engine.outages} & shape.never_out
            sequence.violations += [f"{service} was out" for service in sorted(out)]
            sequence.violations += _started(here, sequence)
            here.host.engine.outages.clear()
    return sequence


def _meddle(here: World, sequence: Sequence, draw: random.Random) -> None:
    """The team does something else than to deploy; how it deploys then is its own affair, too."""
    if draw.random() < 0.5:
        stopped = stop_one(here.host, draw)
        if stopped is not None:
            sequence.stopped.add(stopped["Id"])
            sequence.told.append(f"the team stops {stopped['Name'][1:]}")
        return
    act = draw.choice(TEAM_ACTS)
    try:
        sequence.told.append(f"the team {act(here.host, draw)}")
    except ComposeRejectsError as rejection:
        sequence.violations.append(f"the team's up is rejected: {rejection}")
    here.host.clock.sleep(_UP_AGAIN)
    here.host.engine.outages.clear()
    sequence.stopped -= {
        one for one, about in here.host.engine.containers.items() if about["State"]["Running"]
    }  # by its ``up``


def _fall_ill(here: World, draw: random.Random) -> str:
    """What is made anew from now on never gets well, or only after the gate has given it up."""
    service = draw.choice(("api", "worker"))
    if draw.random() < 0.5:
        here.host.engine.sick.add(service)
        return f"{service} never gets well"
    here.host.engine.ready_after[service] = seconds = draw.choice((5.0, 20.0, _SLOW))
    return f"{service} takes {seconds:.0f} s"


def _started(here: World, sequence: Sequence) -> list[str]:
    """Those that the team had stopped and that run now; only the team may start them."""
    there = [here.host.engine.containers[one] for one in sequence.stopped if one in here.host.engine.containers]
    return [f"{one['Name'][1:]} was started, which the team had stopped" for one in there if one["State"]["Running"]]


def _team(here: World, sequence: Sequence) -> None:
    """The team calls ``up -d``; what it recreates is its own affair."""
    sequence.stopped.clear()
    try:
        deploy_again(here.host)
    except ComposeRejectsError as rejection:
        sequence.violations.append(f"the team's up is rejected: {rejection}")
    here.host.clock.sleep(_UP_AGAIN)
    here.host.engine.outages.clear()
    sequence.told.append("the team's up")
    wrong = [key for key, value in state_of(here.host).items() if key.endswith("say") and not value]
    sequence.violations += [f"after the team's up, not {key}" for key in wrong]


def _operate(
    here: World,
    sequence: Sequence,
    draw: random.Random,
    runs: list[tuple[str, State, State]],
    illness: random.Random | None,
) -> None:
    """One operation, perhaps with a fault; it ends as before, or as it ends without the fault."""
    if illness is not None:
        here.host.clock.sleep(_SLOW)  # so that what runs is well
    operation, before = draw.choice(IN_ANY_ORDER), state_of(here.host)
    plan = world_plan(here.host, operation, draw)
    here.host.boundaries = Boundaries()
    with _undone_afterwards(here):
        alone = here.control().apply(plan)
        here.host.clock.sleep(_UP_AGAIN)
        done, boundaries = state_of(here.host), len(here.host.boundaries.passed)
        well = isinstance(alone, Run) and alone.exit_code == 0
    fault = Fault(draw.randint(1, boundaries), draw.choice(_kinds(here))) if draw.random() < _FAULTY else None
    sequence.told.append(f"{operation}{f', {fault}' if fault else ''}")
    sequence.operations += 2  # with the fault and without
    if illness is not None:
        sequence.told[-1] += f", {_fall_ill(here, illness)}"
    ended: Run | SelextractError | None = _applied(here, plan, fault)
    told = _told(ended)
    sequence.told[-1] += f" ({here.host.boundaries.struck}): {told}"
    here.host.boundaries = Boundaries(off=True)
    here.host.engine.sick.clear()
    here.host.engine.sick_since.clear()
    here.host.engine.ready_after.clear()
    for _ in range(2):
        if not here.unfinished:
            break
        here.host.clock.sleep(_LEASE)
        run_id, control = here.unfinished[0], here.control()
        way = draw.choice(("resume", "roll back"))
        ended = control.resume(run_id) if way == "resume" else control.roll_back(run_id)
        told = _told(ended)
        sequence.told[-1] += f"; {way}: {told}"
    here.host.clock.sleep(_UP_AGAIN)
    now = state_of(here.host)
    sequence.violations += [f"still unfinished: {run}" for run in here.unfinished]
    if not _scratch(now):  # what an earlier Run had to leave went with this one
        before = {key: value for key, value in before.items() if not key.startswith(_SCRATCH)}
    from_before, from_done = differences(before, now), differences(done, now)
    if from_before and (from_done or not well):
        said = isinstance(ended, Run) and ended.exit_code == _NOT_PUT_BACK
        sequence.violations += [] if said else [f"neither before nor done: {'; '.join(from_before)}"]
    if isinstance(ended, Run) and ended.exit_code == 0 and not from_done and from_before:
        runs.append((ended.id, before, now))
    elif from_before:
        runs.clear()  # somebody has to look first: what is owed to earlier Runs is not known
    sequence.violations += _left(here)


def _kinds(here: World) -> list[FaultKind]:
    """What may go wrong here. A boot is left out where what runs would not be the same after it without any of us:
    what runs and its team does not let come back, and what it stopped and lets come back always.
    """
    policies = [
        (container["State"]["Running"], (container["HostConfig"].get("RestartPolicy") or {}).get("Name"))
        for container in here.host.engine.containers.values()
    ]
    same = not {(True, "no"), (False, "always")}.intersection(policies)
    return [kind for kind in FaultKind if same or kind is not FaultKind.REBOOT]


def _roll_back(here: World, sequence: Sequence, draw: random.Random, runs: list[tuple[str, State, State]]) -> None:
    """Put an earlier Run back from the control machine that knows it; the newest one ends exactly as before."""
    number = draw.randrange(len(runs))
    run_id, before, done = runs[number]
    present = state_of(here.host)
    ended = here.control_of(run_id).roll_back(run_id)
    here.host.clock.sleep(_UP_AGAIN)
    now = state_of(here.host)
    sequence.told.append(f"roll back {len(runs) - number} from the end: {_told(ended)}")
    sequence.operations += 1
    changed = differences(present, now)
    if ended.exit_code in _REFUSED:
        sequence.violations += [f"refused, and yet changed: {'; '.join(changed)}"] if changed else []
        return
    newest = number == len(runs) - 1 and not any("team" in told for told in sequence.told)
    exact = "made again meanwhile" not in _told(ended) and "stays as it is" not in _told(ended)
    if newest and exact and (odd := differences(before, now)) and ended.exit_code != _NOT_PUT_BACK:
        sequence.violations.append(f"rolled back, but not as before: {'; '.join(odd)}")
    owed = _owed(before, done, present)
    wrong = [key for key in sorted(owed) if now.get(key) != before.get(key)]
    if not wrong and ended.exit_code == _NOT_PUT_BACK:
        sequence.violations.append(f"all that was to be put back is, and yet it is told: {_told(ended)}")
    if wrong and exact and ended.exit_code != _NOT_PUT_BACK:
        sequence.violations.append(f"not put back, and not told: {'; '.join(wrong)} ({_told(ended)})")
    sequence.violations += _left(here)
    del runs[number]
    if not newest:
        runs.clear()  # what was before the others is no longer known


def _scratch(state: State) -> bool:
    return any(key.startswith(_SCRATCH) for key in state)


def _owed(before: State, done: State, present: State) -> set[str]:
    """What a rollback has to bring back: what its Run changed, and nobody has changed since.

    Files are owed only where nobody has written one since: ours stays, and stays attached, as long as it has a value of
    somebody else. What is told of containers and files together follows from both.
    """
    changed = {key for key in {*before, *done} if before.get(key) != done.get(key)}
    since = {key for key in {*done, *present} if done.get(key) != present.get(key)}
    written = any(key.startswith("file ") for key in since)
    return {key for key in changed - since if not key.endswith(_BOTH) and not (written and key.startswith("file "))}


def _applied(here: World, plan: Plan, fault: Fault | None) -> Run | SelextractError | None:
    here.host.boundaries = Boundaries(fault, here.host.engine.remember, now=lambda: here.host.clock.now)
    try:
        return here.control().apply(plan)
    except ControlDiedError:
        return None
    finally:
        here.host.boundaries.live_again()


def _left(here: World) -> list[str]:
    return [] if here.unfinished else [f"left over: {one}" for one in left_over(here.host) if _is_for_good(one)]


def _is_for_good(left: str) -> bool:
    """What a host that went down kept goes with the next Run, and a lock with its lease."""
    return not left.startswith(("the lock", "segments/", "definitions/", "image name", "container selextract-scratch"))


def _told(ended: Run | SelextractError | None) -> str:
    if ended is None:
        return "nobody was told"
    return f"exit {ended.exit_code}: {ended.message if isinstance(ended, Run) else ended}"


@contextmanager
def _undone_afterwards(here: World) -> Iterator[None]:
    """What is done inside never was; the state of the host comes back, containers and files."""
    engine, clock, kept = here.host.engine, here.host.clock.now, here.folder / "kept"
    shutil.copytree(here.host.root, kept, symlinks=True)
    names = ("containers", "images", "networks", "volumes", "programs", "stopped_by_hand", "made", "outages")
    before: dict[str, Any] = {name: copy.deepcopy(getattr(engine, name)) for name in names}
    boundaries = here.host.boundaries
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(engine, name, value)
        here.host.clock.now = clock
        here.host.boundaries = Boundaries(off=True)
        shutil.rmtree(here.host.root)
        shutil.copytree(kept, here.host.root, symlinks=True)
        shutil.rmtree(kept)
        here.host.boundaries = boundaries
