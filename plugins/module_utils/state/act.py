"""Act: one thing that is done on a host, with its options; modules and the runner of segments do the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..system.failure import HostSideError
from .options import Options

__all__ = ["Act", "Work", "by_state"]


@dataclass(frozen=True)
class Work:
    """What an act is asked for: ``params`` by option, and whether it only says what it would change.

    An ``AnsibleModule`` has the same two, so it can stand in its place.
    """

    params: dict[str, Any]
    check_mode: bool = False


@dataclass(frozen=True)
class Act:
    """``do`` notes its inverse on the disk before it acts, and is idempotent: done again after a crash it goes on.

    It returns what a module returns, with ``changed``, and raises ``HostSideError`` where it cannot be done. ``rules``
    are those of ``AnsibleModule``, such as ``required_if``.
    """

    name: str
    options: Options
    do: Callable[[Any], dict[str, Any]]
    rules: Mapping[str, Any] = field(default_factory=dict)

    def work(self, values: Mapping[str, Any], *, check: bool = False) -> Work:
        """The work with these values and the options' defaults; raises ``HostSideError`` for what it does not know."""
        return Work(_completed(self.name, self.options, values), check)


def by_state(**works: Callable[[Any], dict[str, Any]]) -> Callable[[Any], dict[str, Any]]:
    """What is done by what the option ``state`` asks for."""
    return lambda work: works[work.params["state"]](work)


def _completed(name: str, options: Options, values: Mapping[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(values) - set(options))
    if unknown:
        raise HostSideError(f"{name} does not know {', '.join(unknown)}.", kind="usage")
    return {option: _value(name, option, spec, values.get(option)) for option, spec in options.items()}


def _value(name: str, option: str, spec: Mapping[str, Any], value: Any) -> Any:
    if value is None:
        value = spec.get("default")
    if value is None and spec.get("required"):
        raise HostSideError(f"{name} needs {option}.", kind="usage")
    if value is None:
        return None
    if spec.get("choices") and value not in spec["choices"]:
        raise HostSideError(f"{name} does not know {option} {value!r}.", kind="usage")
    if spec["type"] == "float":
        return float(value)
    if "options" in spec and spec["type"] == "dict":
        return _completed(f"{name}: {option}", spec["options"], value)
    if "options" in spec:
        return [_completed(f"{name}: {option}", spec["options"], element) for element in value]
    return value
