"""Somebody else is at work on the host at the same time: the team deploys, restarts or stops in mid-operation."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from selextract_infra.errors import SelextractError
from selextract_infra.model.run import Run
from tests.simulation.boundaries import Boundaries
from tests.simulation.compose_program import ComposeRejectsError
from tests.simulation.host import SimulatedHost
from tests.simulation.judge import State, differences, left_over, state_of
from tests.simulation.shapes import deploy_again, shape_for, world_plan
from tests.simulation.team import TeamAct
from tests.simulation.trial import Undisturbed, World, world

__all__ = ["Encounter", "meet", "set_clock"]

_LEASE, _UP_AGAIN = 7200.0, 60.0  # seconds
_DONE, _NOT_PUT_BACK = 0, 7  # exit codes
_OURS = ("CONCURRENCY=", "DATABASE_URL=")
_SERVICES = ("api", "worker", "beat", "db", "proxy")


@dataclass
class Encounter:
    """What the team did at which boundary, how the operation ended, and what was wrong, nothing where all was right."""

    what: str
    end: str = ""
    violations: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.what}: {self.end}\n  " + "\n  ".join(self.violations)


def meet(run: Undisturbed, number: int, act: TeamAct, seed: int) -> Encounter:
    """The operation, with the team's act just before the boundary of that number."""
    at = run.passed[number - 1]
    encounter = Encounter(f"{run.operation}, {act.__name__.strip('_')} at {number} ({at[0]} {at[1]}), seed {seed}")
    with world(shape_for(run.operation), operation=run.operation) as here:
        plan = world_plan(here.host, run.operation, random.Random(run.seed))
        deployed: dict[str, set[str]] = {}

        def meanwhile() -> None:
            try:
                encounter.what += f": the team {act(here.host, random.Random(seed))}"
                deployed.update(_made_of(here.host) if "deploys" in encounter.what else {})
            except ComposeRejectsError as rejection:
                encounter.violations.append(f"the team's own call is rejected: {rejection}")

        here.host.boundaries = Boundaries(meanwhile=(number, meanwhile), now=lambda: here.host.clock.now)
        ended: Run | SelextractError = here.control().apply(plan)
        here.host.boundaries = Boundaries(off=True)
        encounter.end = _told(ended)
        for way in ("resume", "roll back"):
            if here.unfinished:
                here.host.clock.sleep(_LEASE)
                run_id, control = here.unfinished[0], here.control()
                ended = control.resume(run_id) if way == "resume" else control.roll_back(run_id)
                encounter.end += f"; {way}: {_told(ended)}"
        here.host.clock.sleep(_UP_AGAIN)
        encounter.violations += [f"still unfinished: {each}" for each in here.unfinished]
        encounter.violations += [
            f"{service} is not any more what the team deployed"
            for service, made in _made_of(here.host).items()
            if deployed and not made <= deployed[service]
        ]
        encounter.violations += _after(here, ended, run, state_of(here.host))
    return encounter


def set_clock(run: Undisturbed, number: int, seconds: float) -> Encounter:
    """The operation, with the host's clock set forward by so many seconds just before that boundary; or back."""
    at = run.passed[number - 1]
    encounter = Encounter(f"{run.operation}, clock set by {seconds:+.0f} s at {number} ({at[0]} {at[1]})")
    with world(shape_for(run.operation), operation=run.operation) as here:
        plan = world_plan(here.host, run.operation, random.Random(run.seed))

        def meanwhile() -> None:
            here.host.clock.jumped += seconds

        here.host.boundaries = Boundaries(meanwhile=(number, meanwhile), now=lambda: here.host.clock.now)
        ended: Run | SelextractError = here.control().apply(plan)
        here.host.boundaries = Boundaries(off=True)
        encounter.end = _told(ended)
        if here.unfinished:
            here.host.clock.sleep(_LEASE)
            ended = here.control().resume(here.unfinished[0])
            encounter.end += f"; resume: {_told(ended)}"
        here.host.clock.sleep(_UP_AGAIN)
        now = state_of(here.host)
        encounter.violations += [f"still unfinished: {each}" for each in here.unfinished]
        if ended.exit_code == _DONE:
            encounter.violations += [f"said to be done, and not: {each}" for each in differences(run.done, now)]
        else:
            encounter.violations += [f"not done, and not as before: {each}" for each in differences(run.before, now)]
        out = {*here.host.engine.outages} & shape_for(run.operation).never_out
        encounter.violations += [f"{service} was out" for service in sorted(out)]
    return encounter


def _made_of(host: SimulatedHost) -> dict[str, set[str]]:
    """By service, the image and the environment of its instances that run, without what operations change."""
    made: dict[str, set[str]] = {}
    for container in host.engine.containers.values():
        service = host.engine.service_of(container)
        if service in _SERVICES and container["State"]["Running"]:
            environment = sorted(entry for entry in container["Config"]["Env"] if not entry.startswith(_OURS))
            made.setdefault(service, set()).add(f"{container['Image']} {environment}")
    return made


def _after(here: World, ended: Run | SelextractError, run: Undisturbed, now: State) -> list[str]:
    """What is wrong afterwards: with what was said, with what serves, and after the team's own ``up``."""
    wrong = []
    serving = [key for key, value in now.items() if key.endswith(": serves") and not value]
    if ended.exit_code == _DONE:
        wrong += [f"said to be done, and not {key}" for key in serving if not key.startswith("shop-migrate")]
    if not here.unfinished and ended.exit_code != _NOT_PUT_BACK:  # such a Run keeps its way back, to be tried again
        wrong += [f"left over: {each}" for each in left_over(here.host)]
    try:
        deploy_again(here.host)
    except ComposeRejectsError as rejection:
        return [*wrong, f"the team's up is rejected: {rejection}"]
    here.host.clock.sleep(_UP_AGAIN)
    state = state_of(here.host)
    wrong += [
        f"after the team's up, not {key}"
        for key, value in state.items()
        if key.endswith("say") and not value and not key.startswith("shop-pgbouncer:")  # of a project of its own
    ]
    for service in _SERVICES:
        own = [key for key, value in state.items() if key.endswith(": service") and value == service]
        up = [key for key in own if state[key.replace(": service", ": serves")]]
        wrong += (
            [f"after the team's up, {service} has {len(up)} of {len(own)} that serve"] if len(up) < len(own) else []
        )
        wrong += [f"after the team's up, {service} is gone"] if not own else []
    if ended.exit_code not in (_DONE, _NOT_PUT_BACK):
        files = [f"file {name}" for name in ("compose.override.yml", "compose.capacity.yml", ".env")]
        wrong += [
            f"exit {ended.exit_code}, and not as before: {each}"
            for each in differences({key: run.before.get(key) for key in files}, {key: now.get(key) for key in files})
        ]
    return wrong


def _told(ended: Run | SelextractError) -> str:
    return f"exit {ended.exit_code}: {ended.message if isinstance(ended, Run) else ended}"
