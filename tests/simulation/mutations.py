"""Mutations of the program: each takes one thing away that keeps a host safe, and the simulation has to find it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from plugins.module_utils.compose import replace_instance
from plugins.module_utils.compose.capacity_writer import CapacityWriter
from plugins.module_utils.compose.place_of_instance import PlaceOfInstance
from plugins.module_utils.compose.project_files import ProjectFiles
from plugins.module_utils.docker import dry_creation, removed_instances
from plugins.module_utils.docker.health_gate import HEALTH_GATE
from plugins.module_utils.docker.kept_definitions import KeptDefinitions
from plugins.module_utils.pgbouncer import pausing, pooled_instances
from plugins.module_utils.state import registry, undo
from plugins.module_utils.state.act import Act
from plugins.module_utils.state.fence import Fence
from plugins.module_utils.state.runs import RunRecord
from plugins.module_utils.state.segment import SegmentFiles
from tests.simulation.boundaries import FaultKind

__all__ = ["MUTATIONS", "Mutation"]


@dataclass(frozen=True)
class Mutation:
    """What is planted, and where it is looked for: in which operation, by faults of which kinds.

    Without kinds the host has what goes wrong by itself: new instances of the API that never get healthy (``sick``), or
    a control machine that wakes up after another one has put its Run back (``late``).
    """

    name: str
    owner: Any
    attribute: str
    planted: Callable[[Any], Any]
    operation: str = "rightsize"
    kinds: tuple[FaultKind, ...] = ()
    way: str = "fault"

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Inside, the program is this mutant."""
        with ExitStack() as stack:
            if isinstance(self.owner, dict):
                replaced = {self.attribute: self.planted(self.owner[self.attribute])}
                stack.enter_context(patch.dict(self.owner, replaced))
            elif isinstance(self.owner, Act):  # frozen
                object.__setattr__(self.owner, self.attribute, self.planted(before := self.owner.do))
                stack.callback(object.__setattr__, self.owner, self.attribute, before)
            else:
                planted = self.planted(getattr(self.owner, self.attribute, None))
                stack.enter_context(patch.object(self.owner, self.attribute, planted, create=True))
            yield


def _nothing(_before: Any) -> Callable[..., None]:
    return lambda *_words, **_more: None


def _as_made(_before: Any) -> Callable[..., str]:
    def planted(_place: object, made: Any, _engine: object, **_more: bool) -> str:
        return str(made.id)

    return planted


def _unproved(_before: Any) -> Callable[..., dict[str, Any]]:
    return lambda _work: {"changed": False, "verified": True, "waited": 0.0, "not_proved": [], "sentence": ""}


def _without_part(part: str) -> Callable[[Any], Any]:
    def planted(before: Any) -> Any:
        def note_inverse(self: RunRecord, step_id: str, name: str, inverse: dict[str, Any]) -> None:
            if name != part:
                before(self, step_id, name, inverse)

        return note_inverse

    return planted


_STRUCK = (FaultKind.KILLED, FaultKind.FAILS)

MUTATIONS = (
    Mutation("limits are not put back", registry.UNDOS, "containers", _nothing, kinds=_STRUCK),
    Mutation("files are not put back", registry.UNDOS, "capacity_file", _nothing, kinds=_STRUCK),
    Mutation("a removed instance is not put back", registry.UNDOS, "definitions", _nothing, "settle", _STRUCK),
    Mutation("added instances are not taken away", registry.UNDOS, "instances", _nothing, "scale", _STRUCK),
    Mutation("limits are not noted before", RunRecord, "note_inverse", _without_part("containers"), kinds=_STRUCK),
    Mutation(
        "how an instance is made again is not noted", replace_instance, "note_definitions", _nothing, "settle", _STRUCK
    ),
    Mutation("nothing is undone", undo, "undo_step", _nothing, kinds=_STRUCK),
    Mutation("the file is not noted before", RunRecord, "note_inverse", _without_part("capacity_file"), kinds=_STRUCK),
    Mutation("nothing is proved", HEALTH_GATE, "do", _unproved, "settle_api", way="sick"),
    Mutation(
        "an old instance goes before the new one serves", replace_instance, "wait_until_healthy", _nothing,
        "settle_api", way="sick",
    ),
    Mutation("nobody asks the fence", Fence, "_compare", _nothing, way="late"),
    Mutation("a trial container stays", dry_creation, "prove_creatable", lambda _: _left_there, kinds=()),
    Mutation("an image keeps our name", KeptDefinitions, "forget", _nothing, "settle"),
    Mutation("what was left half written stays", ProjectFiles, "clear_unfinished", _nothing, "scale", _STRUCK),
    Mutation("a capacity file is not attached anew", CapacityWriter, "write", _nothing, "scale"),
    Mutation("PgBouncer is not taken away again", registry.UNDOS, "pgbouncer", _nothing, "pgbouncer_on", _STRUCK),
    Mutation(
        "Postgres' settings are not put back", registry.UNDOS, "postgres_settings", _nothing, "tune_postgres", _STRUCK
    ),
    Mutation("Redis' settings are not put back", registry.UNDOS, "redis_settings", _nothing, "tune_redis", _STRUCK),
    Mutation(
        "who is led back is not noted", pooled_instances, "note_definitions", _nothing, "pgbouncer_taken_away", _STRUCK
    ),
    Mutation(
        "what an earlier step's way back needs goes with the lock", SegmentFiles, "to_be_put_back",
        lambda _: property(lambda _segment: False), "pgbouncer_off", _STRUCK,
    ),
    Mutation("a new instance keeps Compose's number", PlaceOfInstance, "taken_by", _as_made, "settle_api"),
    Mutation(
        "what was put back is not waited for", removed_instances, "waited_for", lambda _: lambda *_words: True,
        "settle_api", _STRUCK,
    ),
    Mutation("a pause is not ended", pausing, "resume", _nothing, "restart_postgres"),
    Mutation("a step begins without its record", RunRecord, "start_step_once", _nothing, "scale", (FaultKind.CRASH,)),
)  # fmt: skip


def _left_there(engine: Any, definition: Any, container: str) -> None:
    definition.unlabelled().create(engine, f"selextract-left-{container[:12]}")
