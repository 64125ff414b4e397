"""What scaling by hand is, and what can be asked of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from selextract_infra.errors import UsageError
from selextract_infra.flow.manifest import ChosenHosts, CommandOption, Effects, Manifest, OverriddenRules, Request

__all__ = ["MANIFEST", "ScaleRequest"]


def _read_counts(words: Iterable[str]) -> dict[str, int]:
    """By service, the count that a word such as ``api=4`` says. Raises ``UsageError``."""
    wanted: dict[str, int] = {}
    for text in words:
        name, _, number = text.partition("=")
        if not name or not number.isdecimal() or len(number) > 4:
            raise UsageError(f"{text!r} is no count of a service.", remedy="write it as api=4")
        if name in wanted:
            raise UsageError(f"{name} is asked for twice.")
        wanted[name] = int(number)
    return wanted


class ScaleRequest(Request):
    """What is asked of scaling by hand."""

    wanted: Annotated[
        dict[str, int], CommandOption(metavar="SERVICE=COUNT...", read=_read_counts, positional=True, many=True)
    ] = Field(default_factory=dict, description="By service, how many instances, as in api=4 worker=6.")
    hosts: ChosenHosts = None
    overrides: OverriddenRules = ()


MANIFEST = Manifest(
    name="scale",
    noun="scaling",
    request=ScaleRequest,
    effects=Effects(
        reads=("containers and their limits", "the sampler's history", "Compose files"),
        changes=("how many instances run", "our capacity file"),
        inverse="New instances leave again; removed ones are started again; the count from before is written.",
        downtime="None: an instance serves before it counts, and is drained before it goes.",
        seconds=lambda policy: policy.scaling.instance.estimate,
    ),
    offline=True,
)
