"""How a host differs from what was noted of it before; pure.

A note has, by subject (``container shop-web-1``), its attributes. Values are plain JSON; those that may be secret are
digests, whose attribute then ends with ``digest``. Whose Project a subject is, and whether a file is our capacity file,
stand beside and are not compared.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Set
from typing import Any, Optional

__all__ = ["HostNote", "differences"]

HostNote = Mapping[str, Mapping[str, Any]]
_Key = tuple[str, str]
_SHOWN = 20
_THERE = "there"
_FILE, _OURS, _OWNER = "file ", "ours", "owner and mode"
_BESIDE = ("project", _OURS)


def differences(
    before: HostNote,
    now: HostNote,
    *,
    projects: Collection[str] = (),
    left: Optional[HostNote] = None,
    found: Optional[HostNote] = None,
) -> list[str]:
    """What is not as ``before``, one sentence each, sorted; at most a few are told singly.

    Only subjects of ``projects`` count, and those of no project. ``left`` is the host as the Run left it and ``found``
    as it was before the rollback: what others changed in between, and the rollback left alone, is no difference.
    """
    old, new = _flat(before, projects), _flat(now, projects)
    others = (
        _changed(_flat(left, projects), _flat(found, projects)) if left is not None and found is not None else set()
    )
    kept = _flat(found, projects) if found is not None else {}
    explained = {key for key in others if new.get(key) == kept.get(key)}
    if left is not None:
        as_left = _flat(left, projects)
        explained |= {key for key in _attachment(_needed(now, new, explained)) if new.get(key) == as_left.get(key)}
        explained |= _attachment(_emptied(before, now, old, explained))
    differing = _changed(old, new) - explained
    appeared = {subject for subject, attribute in differing if attribute == _THERE}
    sentences = sorted(
        _sentence(key, old.get(key), new.get(key)) for key in differing if key[1] == _THERE or key[0] not in appeared
    )
    more = len(sentences) - _SHOWN
    return [*sentences[:_SHOWN], f"{more} more differ."] if more > 0 else sentences


def _flat(note: HostNote, projects: Collection[str]) -> dict[_Key, Any]:
    flat: dict[_Key, Any] = {}
    for subject, attributes in note.items():
        if attributes.get("project") is not None and projects and attributes["project"] not in projects:
            continue
        flat[subject, _THERE] = True
        flat.update({(subject, name): value for name, value in attributes.items() if name not in _BESIDE})
    return flat


def _needed(now: HostNote, new: Mapping[_Key, Any], explained: Set[_Key]) -> set[str]:
    """Our capacity file where it has a value of others: the Run made it for its own, and a later one wrote into it."""
    return {key[0] for key in _values(now, explained) if key in new}


def _emptied(before: HostNote, now: HostNote, old: Mapping[_Key, Any], explained: Set[_Key]) -> set[str]:
    """Our capacity file that is gone with its last value: what others had in it before the Run they have put back."""
    return {
        subject
        for subject, about in before.items()
        if about.get(_OURS)
        and subject not in now
        and {key for key in _values(before, old) if key[0] == subject} <= explained
    }


def _values(note: HostNote, keys: Collection[_Key]) -> set[_Key]:
    """Those of the keys that are values in our capacity file."""
    return {(name, value) for name, value in keys if note.get(name, {}).get(_OURS) and value not in (_THERE, _OWNER)}


def _attachment(files: Collection[str]) -> set[_Key]:
    """That those files are there, and attached: they are as long as somebody has a value in them."""
    beside = {f"{_FILE}{os.path.join(os.path.dirname(name[len(_FILE) :]), '.env')}" for name in files}
    attributes = (_THERE, _OWNER, "COMPOSE_FILE digest", "the rest digest")
    return {(subject, attribute) for subject in {*files, *beside} for attribute in attributes}


def _changed(old: Mapping[_Key, Any], new: Mapping[_Key, Any]) -> set[_Key]:
    return {key for key in {*old, *new} if old.get(key) != new.get(key)}


def _sentence(key: _Key, old: Any, new: Any) -> str:
    subject, attribute = key
    if attribute == _THERE:
        return f"{subject} is gone." if new is None else f"{subject} is there, and was not."
    if attribute.endswith("digest"):
        return f"{subject}: {attribute[: -len('digest')].strip()} is not as it was."
    return f"{subject}: {attribute} is {_shown(new)}, and was {_shown(old)}."


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value)
