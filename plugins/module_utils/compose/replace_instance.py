"""One instance of a service, replaced by one that is made from the files in force."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from ..docker.carried_volumes import finish_handing_on, hand_on, has_volumes_of
from ..docker.containers import Container, find_containers
from ..docker.dry_creation import refuse_unaccepted_limits
from ..docker.engine import Engine
from ..docker.instances import instances_of
from ..docker.kept_definitions import KeptDefinitions
from ..docker.limits import inverse_of, wanted_for
from ..docker.removed_instances import PART as DEFINITIONS
from ..docker.removed_instances import Leaving, finish_undoing, note_definitions
from ..docker.room_for_another import why_alone
from ..haproxy.rotation import Rotation
from ..state.act import Act, Work
from ..state.host_note import NoteOfRun
from ..state.lock import held_run
from ..state.options import DOCKER, STATE, STEP
from ..state.runs import RunRecord
from ..state.state import StateFolder
from ..system.failure import HostSideError
from ..system.waiting import waited_for
from .compose import Compose
from .instances import PART as INSTANCES
from .instances import give_requests, note_instances, wait_until_healthy
from .new_instances import NewInstances, count_defined
from .outdated import outdated_among
from .place_of_instance import PlaceOfInstance
from .project import read_project

__all__ = ["REPLACE_INSTANCE"]

_LISTED_WITHIN = 5.0  # seconds in which Docker tells of a container that it has made


def _replace(work: Work) -> dict[str, Any]:
    with Engine(work.params["docker_socket"]) as engine:
        replacement = _Replacement(work.params, engine, _compose(work.params, engine))
        old = replacement.outdated()
        if work.check_mode:
            if old is not None:
                replacement.refuse(old)
            return {"changed": old is not None, "instances": [], "alone": "", "diff": _difference(old)}
        return replacement.carry_out(old)


def _difference(old: Container | None) -> dict[str, str]:
    return {
        "before": f"{old.name} as it was made\n" if old else "",
        "after": f"{old.name} made from the files in force\n" if old else "",
    }


def _compose(given: dict[str, Any], engine: Engine) -> Compose:
    """As the labels tell, so it is asked before any container goes."""
    containers = find_containers(engine, given["docker_socket"], given["project"])
    return Compose(read_project(containers, given["project"], given["directory"]))


@dataclass(frozen=True)
class _Replacement:
    """One replacement. Done again after a crash it goes on: what was noted before each change tells how far it was."""

    given: dict[str, Any]
    engine: Engine
    compose: Compose

    def carry_out(self, old: Container | None) -> dict[str, Any]:
        """Replace ``old``; where that is None, it was replaced before or is as the files say.

        Where the service can have two for a moment, the new one serves before the old one is stopped. Where only one
        can exist, the old one goes first; that it can be made again as it is was proved before.
        """
        record = self._held()
        record.start_step_once(self.given["step_id"], time.time())
        finish_undoing(self.engine, self._noted(record, DEFINITIONS))
        finish_handing_on(self.engine, self._instances())
        alone = ""
        if old is None:
            note_instances(record, self.given, self._instances(), {})
        else:
            alone = self._prove_and_note(record, old)
        if old is not None and alone:
            self._retire(old)
        beside = old is not None and not alone
        made = self._make(record, beside=beside)
        place = self._place(record)
        if place is None or not self._was_replaced_before(record, place):
            self._bring_into_service(record, place, self.given["settling_seconds"] if beside else 0.0)
        if old is not None and beside:
            self._retire(old)
        if place:
            self._name(place)
        names = self._new_names(record) if made else []
        return {"changed": old is not None or made, "instances": names, "alone": alone, "diff": _difference(old)}

    def _bring_into_service(self, record: RunRecord, place: PlaceOfInstance | None, settling: float) -> None:
        """Let the new one have its place and its volumes, start it, and wait until it serves and gets requests."""
        if place:
            self._number(record, place)
        self._hand_volumes_on(record)
        self._new().start(self.engine, [self.given["service"]])
        wait_until_healthy(self.given, self.given["urls"], settling=settling)
        give_requests(self.given, self._instances())

    def outdated(self) -> Container | None:
        """The instance, where it was not made from the files in force; Compose itself is asked for that."""
        containers, service = self._containers(), self.given["service"]
        named = next((container for container in containers if container.name == self.given["name"]), None)
        if named is not None and named.service != service:
            raise HostSideError(
                f"{named.name} belongs to service {named.service}, not to {service}.", kind="refused", rule="mapping"
            )
        outdated = outdated_among(self.compose, [service], containers)
        return named if named in outdated else None

    def refuse(self, old: Container) -> None:
        """Raise ``HostSideError`` where the new one would not be what those that run are, or where another container
        lives in the old one's network; nothing is touched.
        """
        self._new().refuse(self.engine, [self.given["service"]], old)

    def _prove_and_note(self, record: RunRecord, old: Container) -> str:
        """Prove that the new one is accepted and that the old one can come back, and note both ways back on the disk.

        Returns why no other can run beside it, empty where one can. What was decided in an attempt before holds,
        except that one that does not run any more has nothing left to serve.
        """
        given, present = self.given, self._instances()
        self.refuse(old)
        refuse_unaccepted_limits(self.engine, [(old, wanted_for(given["limits"], old))])
        record.note_inverse(given["step_id"], "containers", {old.id: inverse_of(old)})
        note_instances(record, given, present, {})
        alone = self._alone(old, len(present))
        times, variables = (given["bound_seconds"], given["settling_seconds"]), given["variables"]
        leaving = Leaving([old], present, *times, beside=not alone, variables=variables)
        note_definitions(self.engine, self._folder, record, given["step_id"], leaving)
        origin = KeptDefinitions(self._folder, given["run_id"]).origin(old.id)
        noted = self._noted(record, DEFINITIONS).get(origin)
        if noted is None:
            raise HostSideError(f"{old.name} is gone: somebody else is at work on this project.", kind="gate")
        beside = noted.get("beside", not alone)
        if beside:
            return "" if old.running else "it does not run any more"
        return alone or "none could when it was looked at first"

    def _alone(self, old: Container, present: int) -> str:
        if not self.given["replicable"]:
            return "its role allows one at a time"
        details = self.engine.inspect(old.id)
        return (why_alone(old, details, present) or "") if details else "it is gone"

    def _retire(self, old: Container) -> None:
        """Stop it gracefully, out of rotation where others serve, and remove it; its volumes stay."""
        self._held()
        self._rotation.spare(old)
        grace = self.given["stop_grace"]
        self.engine.stop(old.id, old.stop_grace if grace is None else grace)
        self.engine.remove(old.id)

    def _make(self, record: RunRecord, *, beside: bool) -> bool:
        """Create what is missing: as many as there were before the step or the files say, and one more ``beside``."""
        service = self.given["service"]
        noted = self._noted(record, INSTANCES).get(service)
        before = len(noted["containers"]) if noted else len(self._instances())
        count = max(count_defined(self.compose, service), before + beside)
        self._held()
        return bool(self._new().make(self.engine, {service: count}))

    def _place(self, record: RunRecord) -> PlaceOfInstance | None:
        """The place of the instance that goes, also when it has gone already; None where nobody goes."""
        noted = self._noted(record, DEFINITIONS).items()
        replaced = next((id_ for id_, about in noted if self._is_that(about)), None)
        definition = KeptDefinitions(self._folder, self.given["run_id"]).definition(replaced) if replaced else None
        return PlaceOfInstance.of(replaced, definition) if replaced and definition else None

    def _number(self, record: RunRecord, place: PlaceOfInstance) -> None:
        """Give the new one, which never ran, the number of the one that goes."""
        new = next(iter(self._arrived(record, place)), None)
        if new is not None and new.name not in (place.name, place.interim):
            names = {container.name for container in self._containers()}
            self._held()
            place.taken_by(new, self.engine, free=place.name not in names)

    def _was_replaced_before(self, record: RunRecord, place: PlaceOfInstance) -> bool:
        """Whether this act was through in an attempt before, and the one after it has made a container since.

        That one never ran and has no place yet. It is the next act's: started or numbered here, it would take this
        place a second time, and the next one would find nobody to give its own to.
        """
        holders = self._holders(record, place)
        others = [container for container in self._new_ones(record) if container not in holders]
        return any(holder.running for holder in holders) and any(other.state == "created" for other in others)

    def _holders(self, record: RunRecord, place: PlaceOfInstance) -> list[Container]:
        """The new one that has this place, or will have once the old one is gone; empty where none has."""
        return [container for container in self._new_ones(record) if container.name in (place.name, place.interim)]

    def _new_ones(self, record: RunRecord) -> list[Container]:
        """The instances that were made in this step, but those that an undoing of it has made again as they were."""
        before = {id_ for about in self._noted(record, DEFINITIONS).values() for id_ in about["before"]}
        before.update(KeptDefinitions(self._folder, self.given["run_id"]).made_again.values())
        return [container for container in self._instances() if container.id not in before]

    def _name(self, place: PlaceOfInstance) -> None:
        """Give the new one the name of the one that has gone, and let the balancer know it by that."""
        taking = self.engine.inspect(place.interim)
        if taking is not None:
            self.engine.rename(str(taking["Id"]), place.name)
            give_requests(self.given, self._instances())
        self._rotation.forget(place.interim)

    def _new_names(self, record: RunRecord) -> list[str]:
        noted = self._noted(record, INSTANCES)[self.given["service"]]
        return [container.name for container in self._instances() if container.id not in noted["containers"]]

    def _hand_volumes_on(self, record: RunRecord) -> None:
        """Let the new one have the unnamed volumes of the one that went before it was made."""
        noted = self._noted(record, DEFINITIONS).items()
        replaced = next((id_ for id_, about in noted if self._is_that(about) and not about.get("beside", False)), None)
        removed = KeptDefinitions(self._folder, self.given["run_id"]).definition(replaced) if replaced else None
        arrived = self._arrived(record, PlaceOfInstance.of(replaced, removed)) if replaced and removed else []
        for new in arrived[:1]:
            details = self.engine.inspect(new.id)
            if removed and details and not has_volumes_of(details, removed):
                hand_on(self.engine, removed, details, new.stop_grace)

    def _arrived(self, record: RunRecord, place: PlaceOfInstance) -> list[Container]:
        """The new one in this place, or one that has none yet, once Docker tells of it: what was made a moment ago
        must not start before it has its place and its volumes.
        """
        arrived: list[Container] = []

        def is_listed() -> bool:
            holders = self._holders(record, place)
            arrived[:] = holders or [one for one in self._new_ones(record) if one.state == "created"]
            return bool(arrived)

        waited_for(is_listed, _LISTED_WITHIN)
        return arrived

    def _is_that(self, about: dict[str, Any]) -> bool:
        keys = ("project", "service", "name")
        return [about[key] for key in keys] == [self.given[key] for key in keys]

    def _instances(self) -> list[Container]:
        return instances_of(self._containers(), self.given["project"], self.given["service"])

    def _containers(self) -> list[Container]:
        return find_containers(self.engine, self.given["docker_socket"], self.given["project"])

    def _new(self) -> NewInstances:
        service = self.given["service"]
        variables, commands = {service: self.given["variables"]}, [service] if self.given["command"] else []
        at_rest = NoteOfRun(self._folder, self.given["run_id"]).at_rest
        socket, bound = self.given["docker_socket"], self.given["bound_seconds"]
        return NewInstances(self.compose, socket, bound, variables, commands, at_rest)

    def _noted(self, record: RunRecord, part: str) -> dict[str, dict[str, Any]]:
        return dict((record.step(self.given["step_id"]).get("inverse") or {}).get(part) or {})

    @property
    def _rotation(self) -> Rotation:
        return Rotation(self._folder, self.given["docker_socket"], self.given["project"])

    @property
    def _folder(self) -> StateFolder:
        return StateFolder(self.given["state_folder"])

    def _held(self) -> RunRecord:
        """The record, where the Run still has the lock; asked again before an instance goes or comes."""
        return held_run(self._folder, self.given["run_id"])


REPLACE_INSTANCE = Act(
    "replace_instance",
    {
        "name": {"type": "str", "required": True},
        "project": {"type": "str", "required": True},
        "service": {"type": "str", "required": True},
        "directory": {"type": "path", "required": True},
        "variables": {"type": "list", "elements": "str", "default": []},
        "command": {"type": "bool", "default": False},
        "limits": {"type": "dict", "default": {}},
        "replicable": {"type": "bool", "default": False},
        "stop_grace": {"type": "float"},
        "urls": {"type": "list", "elements": "str", "default": []},
        "bound_seconds": {"type": "float", "default": 120},
        "settling_seconds": {"type": "float", "default": 0},
        **STEP,
        **DOCKER,
        **STATE,
    },
    _replace,
)
