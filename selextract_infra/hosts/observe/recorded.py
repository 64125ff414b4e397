"""Observations in files: what ``--out`` saves and ``--observation`` reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from selextract_infra.errors import UsageError
from selextract_infra.hosts.own_file import write_own_file
from selextract_infra.model.bounded_types import refuse_far_times
from selextract_infra.model.bounds import refuse_unbounded
from selextract_infra.model.observation import Observation
from selextract_infra.model.text import displayable

__all__ = ["load_observation", "save_observation"]

_KIND = "selextract-infra observation"
_FORMAT = 1
_OBSERVE_AGAIN = "make one with: selextract-infra observe --out FILE"


def save_observation(observation: Observation, path: Path) -> None:
    """Write the Observation, with its history, to a file that only its owner reads; replaced whole or not at all.

    Raises ``UsageError`` when it cannot be written.
    """
    text = json.dumps({"kind": _KIND, "format": _FORMAT, "observation": observation.model_dump(mode="json")})
    try:
        write_own_file(path, text + "\n")
    except OSError as problem:
        raise UsageError(f"The observation cannot be saved to {path}: {problem.strerror}.") from problem


def load_observation(path: Path) -> Observation:
    """Read what ``save_observation`` wrote.

    Raises ``UsageError`` that says what is wrong: no such file, cut short, something else, another version's format.
    """
    content = _content(path)
    if content.get("kind") != _KIND:
        raise UsageError(f"{path} is not an observation.", remedy=_OBSERVE_AGAIN)
    if content.get("format") != _FORMAT:
        raise UsageError(
            f"{path} was written in format {displayable(str(content.get('format')), limit=20)}, and this version reads "
            f"format {_FORMAT}.",
            remedy=_OBSERVE_AGAIN,
        )
    try:
        refuse_unbounded({**content, "observation": None})
        observation = Observation.model_validate(content.get("observation"))
        refuse_far_times(observation)
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"{path} is an observation, but {displayable(where, limit=120) or 'its content'} in it is wrong: "
            f"{displayable(first['msg'], limit=200)}.",
            remedy=_OBSERVE_AGAIN,
        ) from problem
    except ValueError as problem:
        raise UsageError(
            f"{path} is an observation that cannot be: {displayable(str(problem), limit=200)}.", remedy=_OBSERVE_AGAIN
        ) from problem
    return observation


def _content(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except OSError as problem:
        raise UsageError(f"The observation {path} cannot be read: {problem.strerror}.", remedy=_OBSERVE_AGAIN) from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not an observation.", remedy=_OBSERVE_AGAIN) from None
    except json.JSONDecodeError as problem:
        short = problem.pos >= len(problem.doc.rstrip()) or problem.msg.startswith("Unterminated")
        wrong = "is cut short" if short and problem.doc.lstrip().startswith("{") else "is not JSON"
        raise UsageError(f"{path} {wrong}, so it is no observation.", remedy=_OBSERVE_AGAIN) from None
    except (ValueError, RecursionError) as problem:
        raise UsageError(
            f"{path} is not an observation: {displayable(str(problem), limit=200)}.", remedy=_OBSERVE_AGAIN
        ) from None
    if not isinstance(content, dict):
        raise UsageError(f"{path} is not an observation.", remedy=_OBSERVE_AGAIN)
    return content


def _refuse_constant(name: str) -> None:
    raise ValueError(f"it holds {name}")
