"""Control machines: the real flow and state machine; Ansible alone is replaced, and the same modules are called."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, NoReturn, cast
from unittest.mock import patch

from plugins.module_utils.state.act import Act
from plugins.module_utils.state.fence import HOLDER_VARIABLE
from plugins.module_utils.state.state import StateFolder
from plugins.module_utils.system.failure import HostSideError, unwritten
from plugins.modules import host_lock, observe_host, segment, stop_work, undo
from selextract_infra.errors import SelextractError
from selextract_infra.flow import run_plan, unfinished
from selextract_infra.flow.apply import apply
from selextract_infra.flow.context import Context
from selextract_infra.flow.journal.journal import Journal
from selextract_infra.hosts import executor, takeover
from selextract_infra.hosts.events import HostOutcome
from selextract_infra.hosts.executor import HostAccess
from selextract_infra.hosts.identity import new_holder
from selextract_infra.hosts.inventory import Inventory, InventoryHost
from selextract_infra.hosts.runner import PlaybookOutcome, PlaybookRun
from selextract_infra.model.observation import HostFacts, HostObservation, Observation
from selextract_infra.model.plan import Plan
from selextract_infra.model.run import Run
from tests.simulation.boundaries import (
    ControlDiedError,
    HostDiedError,
    LostAnswerError,
    ProcessHungError,
    ProcessKilledError,
    RunnerKilledError,
)
from tests.simulation.host import SimulatedHost
from tests.simulation.seams import carry_on

__all__ = ["HOST", "POLICY", "ControlMachine"]

HOST, POLICY = "app1", "p"
_MACHINE = "0123456789abcdef"
_GONE = (RunnerKilledError, ProcessKilledError, ProcessHungError)
_JOURNALLED = ("record_plan", "record_run", "record_event")


class _TaskFailedError(Exception):
    """A task failed on the host, with what it returned; ``reached`` is False where nothing came back."""

    def __init__(self, result: dict[str, Any], *, reached: bool = True) -> None:
        super().__init__(str(result.get("msg")))
        self.result = result
        self.reached = reached


class ControlMachine:
    """One control machine with a journal of its own in ``folder``; ``inventory`` and clock are those of the host."""

    def __init__(self, folder: Path, host: SimulatedHost) -> None:
        self._host = host
        self._folder = folder
        self._stopped_before: Callable[[], object] | None = None

    # -- what a person asks for

    def apply(self, plan: Plan) -> Run | SelextractError:
        """Apply a Plan."""
        return self._asked(lambda context: apply(context, plan))

    def resume(self, run_id: str) -> Run | SelextractError:
        """Finish a Run, after a look at its Plan where this machine does not know it."""
        return self._asked(lambda context: _approved(partial(unfinished.resume, context, run_id)))

    def roll_back(self, run_id: str, also: tuple[str, ...] = ()) -> Run | SelextractError:
        """Put a Run back."""
        return self._asked(lambda context: _approved(partial(unfinished.roll_back, context, run_id, also=also)))

    def wake_up(self) -> str:
        """Go on with the task before which it stopped; what came of that."""
        if self._stopped_before is None:
            return "It did not stop before a task."
        try:
            self._stopped_before()
        except _TaskFailedError as failed:
            return str(failed)
        return "The host did it."

    def knows(self, run_id: str) -> bool:
        """Whether its journal has that Run."""
        with Journal(self._folder) as journal:
            return journal.run(run_id) is not None

    def _asked(self, work: Callable[[Context], Run]) -> Run | SelextractError:
        with _SimulatedContext(self._folder, self._host) as context, self._tasks():
            try:
                return work(cast(Context, context))
            except SelextractError as error:
                return error

    @contextmanager
    def _tasks(self) -> Iterator[None]:
        # Steps of these Plans are given, not made from a request, so they cannot be built again from one.
        given = patch.object(run_plan, "rebuild_unchanged", lambda plan, _policy: plan)
        playbooks = [patch.object(module, "run_playbook", self._playbook) for module in (executor, takeover)]
        with given, playbooks[0], playbooks[1]:
            yield

    # -- playbooks

    def _playbook(self, request: PlaybookRun, **_unused: Any) -> PlaybookOutcome:
        tasks = _Tasks(self._host, request)
        name = request.playbook.rpartition(".")[2]
        began = self._host.clock.now
        status, message = "ok", ""
        try:
            {"undo": tasks.undo, "take_up": tasks.take_up}.get(name, tasks.carry)()
        except ControlDiedError:
            self._stopped_before = tasks.at_hand
            raise
        except _TaskFailedError as failed:
            status, message = ("failed" if failed.reached else "unreachable"), str(failed)
        outcome = HostOutcome(
            status=cast(Any, status), message=message, results=tasks.results,
            changed=sum(bool(result.get("changed")) for result in tasks.results.values()),
        )  # fmt: skip
        return PlaybookOutcome(
            status="successful" if status == "ok" else "failed", hosts={HOST: outcome},
            seconds=self._host.clock.now - began,
        )  # fmt: skip


class _Tasks:
    """The tasks of one playbook on the host; ``results`` by task name."""

    def __init__(self, host: SimulatedHost, request: PlaybookRun) -> None:
        self._host = host
        self._run: Mapping[str, Any] = request.values["run"]
        self._values: Mapping[str, Any] = request.values["hosts"][HOST]
        self.results: dict[str, Mapping[str, Any]] = {}
        self.at_hand: Callable[[], object] = dict

    def carry(self) -> None:
        """As the playbooks of operations do: lock, hand the steps over, follow, give back."""
        self._lock({"plan": self._run["plan"], **self._digests()})
        with self._given_back(when=bool(self._values["last"])):
            self._segment()

    def undo(self) -> None:
        """As ``undo.yml``."""
        self._lock({"plan": None, **self._digests()})
        about = {"run_id": self._run["id"]}
        with self._given_back():
            if not self._values["fails"]:
                later = self._task(
                    "Ask what others have changed since",
                    undo,
                    {**about, "state": "compared", "also": self._values["also"]},
                )
                if later["changed_since"]:
                    raise _TaskFailedError({"msg": "; ".join(one["sentence"] for one in later["changed_since"])})
            restored = self._segment(state="undone")
            if not restored["restored"] or restored["differences"]:
                raise _TaskFailedError({"msg": restored["sentence"]})

    def take_up(self) -> None:
        """As ``take_up.yml``."""
        closing = {
            "state": "closed", "run_id": self._values["marker"], **self._claim(), "run": None,
            "dead_epoch": self._values["dead_epoch"] or None, "take_over": self._values["take_over"] or None,
        }  # fmt: skip
        for name, check in (("Close the run to its holder, first", True), ("Close the run to its holder", False)):
            lock = self._task(name, host_lock, closing, check=check)
            if not lock["acquired"]:
                raise _TaskFailedError({"msg": lock["sentence"]})
        marker = {key: self._values[key] for key in ("marker", "patience_seconds", "safe_point")}
        self._task("Stop what is left of the work", stop_work, marker)

    def _segment(self, state: str = "carried") -> Mapping[str, Any]:
        about = {"run_id": self._run["id"]}
        sent = {**about, "state": state, "program": "0", "steps": self._values["steps"]}
        followed = self._task("Let the host carry the steps out", segment, sent)
        while not followed["finished"]:
            followed = self._task("On the host", segment, {**about, "state": "followed"})
        return followed

    def _lock(self, about: dict[str, Any]) -> None:
        given = {"run_id": self._run["id"], **self._claim(), "run": about}
        lock = self._task("Take the lock", host_lock, given)
        if not lock["acquired"]:
            raise _TaskFailedError({"msg": lock["sentence"]})

    @contextmanager
    def _given_back(self, *, when: bool = True) -> Iterator[None]:
        """As the ``always`` of a block: also where a task failed, but not where the host is lost."""
        try:
            yield
        except _TaskFailedError as failed:
            if when and failed.reached:
                self._free()
            raise
        if when:
            self._free()

    def _free(self) -> None:
        self._task("Give the lock back", host_lock, {"state": "free", "run_id": self._run["id"]})

    def _claim(self) -> dict[str, Any]:
        return {key: self._run[key] for key in ("owner", "purpose", "operation", "lease_seconds", "identity")}

    def _digests(self) -> dict[str, Any]:
        return {key: self._run[key] for key in ("plan_digest", "policy_digest")}

    def _task(self, name: str, module: ModuleType, given: dict[str, Any], *, check: bool = False) -> Mapping[str, Any]:
        """One task on the host. An unreachable host takes no further part in the playbook."""
        self.at_hand = partial(self._done, module, given, check)
        try:
            result = self._host.boundaries.come_to("message", name, self.at_hand, self.at_hand)
        except LostAnswerError as lost:
            raise _TaskFailedError({"msg": "The host does not answer."}, reached=False) from lost
        except HostDiedError as died:
            _come_back(self._host)
            raise _TaskFailedError({"msg": "The host does not answer."}, reached=False) from died
        except _TaskFailedError as failed:
            self.results[name] = failed.result
            raise
        self.results[name] = result
        return result

    def _done(self, module: ModuleType, given: dict[str, Any], check: bool) -> dict[str, Any]:
        before = os.environ.get(HOLDER_VARIABLE)
        os.environ[HOLDER_VARIABLE] = str(self._run["holder"])
        try:
            return _module(module, given, check)
        except HostSideError as failure:
            raise _TaskFailedError({"msg": failure.sentence, **failure.result()}) from failure
        except OSError as problem:
            full = unwritten(problem)
            raise _TaskFailedError({"msg": full.sentence, **full.result()}) from problem
        except _GONE as gone:
            self._host.boundaries.live_again()
            raise _TaskFailedError(
                {"msg": "MODULE FAILURE: the module was killed.", "module_stderr": "Killed"}
            ) from gone
        finally:
            if before is None:
                del os.environ[HOLDER_VARIABLE]
            else:
                os.environ[HOLDER_VARIABLE] = before


def _approved(work: Callable[..., Run]) -> Run:
    """What a person does who is shown the Plan of a Run that only the host tells of."""
    try:
        return work()
    except run_plan.ForeignRunError as foreign:
        return work(approved=foreign.plan.digest)


def _come_back(host: SimulatedHost) -> None:
    """The host starts again, and goes on by itself to the next safe point."""
    host.boundaries.live_again()
    host.engine.reboot()
    carry_on(host)


def _module(module: ModuleType, given: dict[str, Any], check: bool) -> dict[str, Any]:
    """What the module of that name returns for these options."""
    answered: dict[str, Any] = {}

    def run(work: Callable[[Any], dict[str, Any]], options: Any, **_rules: Any) -> None:
        params = Act("module", options, work).work(given).params
        answered.update(work(SimpleNamespace(params=params, check_mode=check, fail_json=_fail)))

    before, vars(module)["run"] = vars(module)["run"], run
    try:
        module.main()
    finally:
        vars(module)["run"] = before
    return answered


def _fail(**result: Any) -> NoReturn:
    raise _TaskFailedError(result)


class _SimulatedContext:
    """What the flow reaches: the hosts through ``run_playbook``, a journal, the clock."""

    def __init__(self, folder: Path, host: SimulatedHost) -> None:
        self._host = host
        self.inventory = Inventory(folder, (InventoryHost(HOST, "192.0.2.1"),))
        self.policy = SimpleNamespace(digest=POLICY, approvals=SimpleNamespace(operations={}, signers=None))
        self.unattended = self.announces_undoing = False
        self.holder = new_holder()
        self.journal = Journal(folder)
        for name in _JOURNALLED:
            setattr(self.journal, name, self._recorded(name, getattr(self.journal, name)))

    def __enter__(self) -> _SimulatedContext:
        return self

    def __exit__(self, *unused: object) -> None:
        self.journal.close()

    def _recorded(self, name: str, record: Callable[..., None]) -> Callable[..., None]:
        def recorded(*words: Any, **more: Any) -> None:
            def effect() -> None:
                record(*words, **more)

            try:
                self._host.boundaries.come_to("journal", name, effect, effect)
            except LostAnswerError as lost:
                raise SelextractError("The journal cannot be written.") from lost

        return recorded

    def clock(self) -> datetime:
        """The time."""
        return self._host.clock.utc()

    def hold_anew(self) -> None:
        """Be another holder from now on."""
        self.holder = new_holder()

    @property
    def access(self) -> HostAccess:
        """What an execution needs."""
        return HostAccess(self.inventory, self.clock, holder=self.holder)

    def observe(self) -> Observation:
        """Look at the host."""
        folder = StateFolder(str(self._host.state))

        def effect() -> Observation:
            state = observe_host._state(folder, "/simulated/docker.sock", [])
            facts = HostFacts(machine_id=_MACHINE)
            return Observation(at=self.clock(), hosts=(HostObservation(name=HOST, facts=facts, state=state),))

        try:
            return self._host.boundaries.come_to("message", "Look at the host", effect, effect)
        except (LostAnswerError, HostDiedError, *_GONE) as lost:
            if isinstance(lost, HostDiedError):
                _come_back(self._host)
            self._host.boundaries.live_again()
            return Observation(at=self.clock(), unreachable={HOST: "The host does not answer."})
