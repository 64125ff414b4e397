"""A trial: one operation on a simulated host with one fault, what comes of it, and whether that may be."""

from __future__ import annotations

import itertools
import random
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from plugins.module_utils.state.runs import failed_rollbacks, unfinished_runs
from plugins.module_utils.state.state import StateFolder
from selextract_infra.errors import SelextractError
from selextract_infra.hosts.ansible_process import Caught
from selextract_infra.model.plan import Plan
from selextract_infra.model.run import Run
from tests.simulation.boundaries import (
    APPLIES,
    Boundaries,
    BoundaryKind,
    ControlDiedError,
    Fault,
    FaultKind,
)
from tests.simulation.control import ControlMachine
from tests.simulation.host import SimulatedHost
from tests.simulation.judge import State, differences, left_over, state_of
from tests.simulation.seams import in_place
from tests.simulation.shapes import BEFORE, Shape, deploy, shape_for, world_plan

__all__ = ["Undisturbed", "Verdict", "World", "faults_of", "try_fault", "try_late", "try_sick", "undisturbed", "world"]

_LEASE = 7200.0  # seconds, longer than any
_MEMORY = Path("/dev/shm")
_SEED = 7
_PUT_BACK, _NOT_PUT_BACK = 6, 7  # exit codes
_NEXT = 8  # another seed, for the Run that comes next
_UP_AGAIN = 60.0  # seconds after a start until everything has to serve


class World:
    """A host with a shop on it, and control machines."""

    def __init__(self, folder: Path, shape: Shape, fault: Fault | None = None) -> None:
        self.folder = folder
        self.host = SimulatedHost(folder / "host")
        self.host.boundaries.fault = fault
        self._numbers = itertools.count(1)
        self._controls: list[ControlMachine] = []
        deploy(self.host, shape)

    def control(self) -> ControlMachine:
        """Another control machine."""
        folder = self.folder / f"control{next(self._numbers)}"
        folder.mkdir()
        self._controls.append(ControlMachine(folder, self.host))
        return self._controls[-1]

    def control_of(self, run_id: str) -> ControlMachine:
        """The control machine whose journal knows that Run as done."""
        return next(control for control in reversed(self._controls) if control.knows(run_id))

    @property
    def state_folder(self) -> StateFolder:
        """Our state folder on the host."""
        return StateFolder(str(self.host.state))

    @property
    def unfinished(self) -> list[str]:
        """The Runs that the host holds as unfinished."""
        return [str(run["run_id"]) for run in unfinished_runs(self.state_folder)]

    @property
    def not_put_back(self) -> list[str]:
        """The Runs of which the host says that they are not put back."""
        return [str(run["run_id"]) for run in failed_rollbacks(self.state_folder)]


@contextmanager
def world(shape: Shape, fault: Fault | None = None, operation: str = "") -> Iterator[World]:
    """A world at its seams, gone afterwards; what has to be done before that operation is done in it."""
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
        made = World(Path(folder), shape, fault)
        with in_place(made.host):
            _prepare(made, operation)
            yield made


def _prepare(here: World, operation: str) -> None:
    earlier = BEFORE.get(operation)
    if earlier is None:
        return
    here.host.boundaries.off = True
    run = here.control().apply(world_plan(here.host, earlier))
    assert isinstance(run, Run), run
    assert run.exit_code == 0, run.message
    here.host.clock.sleep(_LEASE)
    here.host.boundaries.off = False


@dataclass(frozen=True)
class Undisturbed:
    """An operation without a fault: how the host was before and is afterwards, and each boundary on the way."""

    operation: str
    shape: Shape
    seed: int
    before: State
    done: State
    passed: tuple[tuple[BoundaryKind, str], ...]


def undisturbed(operation: str, shape: Shape | None = None, seed: int = _SEED) -> Undisturbed:
    """Carry it out. Raises ``AssertionError`` where it does not end well by itself."""
    shape = shape or shape_for(operation)
    with world(shape, operation=operation) as here:
        before = state_of(here.host)
        run = here.control().apply(world_plan(here.host, operation, random.Random(seed)))
        assert isinstance(run, Run), run
        assert run.exit_code == 0, run.message
        assert not left_over(here.host), left_over(here.host)
        done = state_of(here.host)
        return Undisturbed(operation, shape, seed, before, done, tuple(here.host.boundaries.passed))


def faults_of(run: Undisturbed) -> Iterator[Fault]:
    """Every fault that can strike it."""
    for number, (kind, _) in enumerate(run.passed, start=1):
        for fault, kinds in APPLIES.items():
            if kind in kinds:
                yield Fault(number, fault)


def try_sick(run: Undisturbed, service: str) -> list[str]:
    """The operation where what is started of that service from now on never gets healthy: all is as before then."""
    with world(run.shape, operation=run.operation) as here:
        before = state_of(here.host)
        here.host.engine.sick.add(service)
        ended = _applied(here, world_plan(here.host, run.operation, random.Random(run.seed)))
        here.host.clock.sleep(_UP_AGAIN)
        changed = differences(before, state_of(here.host))
        out = [f"{one} was out" for one in sorted({*here.host.engine.outages} & run.shape.never_out)]
        return out + ([f"{_told(ended)}: {'; '.join(changed)}"] if changed or _code(ended) != _PUT_BACK else [])


def try_late(run: Undisturbed) -> list[str]:
    """A control machine stops before it access its steps over, another one puts its Run back, and it wakes up then."""
    number = next(at for at, (_, name) in enumerate(run.passed, start=1) if name == "Let the host carry the steps out")
    with world(run.shape, Fault(number, FaultKind.CRASH), run.operation) as here:
        before = state_of(here.host)
        first = here.control()
        with suppress(ControlDiedError):
            first.apply(world_plan(here.host, run.operation, random.Random(run.seed)))
        here.host.boundaries = _without_faults(here)
        here.host.clock.sleep(_LEASE)
        here.control().roll_back(here.unfinished[0])
        said = first.wake_up()
        changed = differences(before, state_of(here.host))
        return [f"{said}: {'; '.join(changed)}"] if changed else []


@dataclass
class Verdict:
    """What came of a trial; ``violations`` in words, none where all is as the contract says."""

    fault: Fault
    where: str = ""
    end: str = ""
    violations: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.fault} ({self.where}), {self.end}: " + " | ".join(self.violations)


def try_fault(run: Undisturbed, fault: Fault) -> Verdict:
    """The operation with that fault; where it is left unfinished, both ways on from there."""
    with Caught() as caught:
        return _both_ways(run, fault)
    told = "".join(traceback.format_exception(caught.problem)[-3:])
    return Verdict(fault, end="not at all", violations=[f"the program failed: {told}"])


def _both_ways(run: Undisturbed, fault: Fault) -> Verdict:
    verdict = _tried(run, fault, "resume")
    if verdict.end.startswith("unfinished"):
        other = _tried(run, fault, "roll back")
        verdict.violations += [one for one in other.violations if one not in verdict.violations]
        verdict.end += f"; {other.end}"
    return verdict


def _tried(run: Undisturbed, fault: Fault, way_on: Literal["resume", "roll back"]) -> Verdict:
    with world(run.shape, fault, run.operation) as here:
        here.host.boundaries.snapshot_before = _last_change(run, fault)
        plan = world_plan(here.host, run.operation, random.Random(run.seed))
        verdict = Verdict(fault)
        ended = _applied(here, plan)
        verdict.where = here.host.boundaries.struck
        here.host.boundaries = _without_faults(here)
        unfinished = here.unfinished
        if unfinished:
            verdict.end = f"unfinished after {_told(ended)}"
            here.host.clock.sleep(_LEASE)
            control = here.control()
            ended = control.resume(unfinished[0]) if way_on == "resume" else control.roll_back(unfinished[0])
            verdict.end += f", {way_on}: {_told(ended)}"
            if here.unfinished:
                verdict.violations.append(f"still unfinished after {way_on}: {_told(ended)}")
        else:
            verdict.end = _told(ended)
        rolled_back = bool(unfinished) and way_on == "roll back"
        verdict.violations += _judged(here, run, ended, rolled_back=rolled_back)
        return verdict


def _applied(here: World, plan: Plan) -> Run | SelextractError | None:
    """What a person is told; None where the control machine died and nobody is."""
    try:
        return here.control().apply(plan)
    except ControlDiedError:
        return None
    finally:
        here.host.boundaries.live_again()


def _without_faults(here: World) -> Boundaries:
    return Boundaries(off=True, snapshot=here.host.engine.remember)


def _last_change(run: Undisturbed, fault: Fault) -> int:
    if fault.kind is not FaultKind.OLD:
        return 0
    earlier = [number for number, (kind, _) in enumerate(run.passed[: fault.number - 1], start=1) if kind == "act"]
    return max(earlier, default=0)


def _code(ended: Run | SelextractError | None) -> int | None:
    return None if ended is None else ended.exit_code


def _told(ended: Run | SelextractError | None) -> str:
    if ended is None:
        return "nobody was told"
    if isinstance(ended, Run):
        return f"exit {ended.exit_code}: {ended.message}"
    return f"exit {ended.exit_code}: {ended}"


def _judged(here: World, run: Undisturbed, ended: Run | SelextractError | None, *, rolled_back: bool) -> list[str]:
    here.host.clock.sleep(_UP_AGAIN)
    now = state_of(here.host)
    from_before, from_done = differences(run.before, now), differences(run.done, now)
    violations = [f"{one} was out" for one in sorted({*here.host.engine.outages} & run.shape.never_out)]
    if not from_before or not from_done:
        violations += _untrue(ended, as_before=not from_before, done=not from_done, rolled_back=rolled_back)
    elif here.not_put_back:
        again = here.control_of(here.not_put_back[0]).roll_back(here.not_put_back[0])
        still = differences(run.before, state_of(here.host))
        violations += [f"said, but not put back by another rollback ({_told(again)}): {still}"] if still else []
    elif not (isinstance(ended, Run) and ended.exit_code == _NOT_PUT_BACK):
        nearer = min(("before", from_before), ("done", from_done), key=lambda one: len(one[1]))
        violations.append(f"{_told(ended)}, but it differs from {nearer[0]}: {'; '.join(nearer[1])}")
    return violations + (_left_after_the_next(here) if not here.unfinished else [])


def _left_after_the_next(here: World) -> list[str]:
    """What is left of ours although another Run has come and gone."""
    if not left_over(here.host):
        return []
    here.host.clock.sleep(_LEASE)
    ended = here.control().apply(world_plan(here.host, "rightsize", random.Random(_NEXT)))
    left = left_over(here.host)
    if ended.exit_code != 0:
        left.append(f"the next Run: {_told(ended)}")
    return [f"left over: {one}" for one in left]


def _untrue(ended: Run | SelextractError | None, *, as_before: bool, done: bool, rolled_back: bool) -> list[str]:
    code = ended.exit_code if ended is not None else None
    if rolled_back and not as_before:
        return ["rolled back, but it is done"]
    if code == 0 and not rolled_back and not done:
        return [f"said to be done, but it is as before: {_told(ended)}"]
    if code == 6 and not as_before:
        return [f"said to be put back, but it is done: {_told(ended)}"]
    return []
