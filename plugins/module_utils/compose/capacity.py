"""The capacity file: rendered always the same way, and read back strictly.

The file is a small part of YAML that the standard library can read: nested mappings, two spaces a level, values written
as JSON, a command as a list of its words. ``$`` is doubled, since Compose would put a variable there; not so in values
of an environment, which refer to secrets as ``${NAME}``.
"""

from __future__ import annotations

import json
import re
from typing import Any

from ..system.failure import HostSideError

__all__ = ["limits_written", "parse", "render", "written_by_us"]

HEADER = """\
# Written by selextract-infra: container limits and counts that go on top of the app's own Compose files.
# Edits here are lost at its next run. `selextract-infra rightsize` changes the values; `selextract-infra uninstall`
# takes this file away again.
"""
_FIRST_WORDS = "# Written by selextract-infra:"  # as 0.1 began its file too
_ALLOWED = {
    "mem_limit": (int,),
    "memswap_limit": (int,),
    "cpus": (int, float),
    "scale": (int,),
    "deploy": (dict,),
    "environment": (dict,),
    "command": (list,),
}
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")
_DEEP = 4  # keys that lead to one value of an environment
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
_LINE = re.compile(r"(?P<indent> *)(?P<key>\"(?:[^\"\\]|\\.)*\"|[A-Za-z_][A-Za-z0-9_.-]*):(?: (?P<value>.+))?\Z")


def render(services: dict[str, dict[str, Any]]) -> str:
    """The file's text for services given in Compose's own keys; sorted, so equal content gives equal bytes.

    Raises ``HostSideError`` of kind ``usage`` for a key that is none of ours.
    """
    for name, service in services.items():
        for key, value in service.items():
            if not isinstance(value, _ALLOWED.get(key, ())) or isinstance(value, bool):
                raise HostSideError(
                    f"{key}={value!r} of service {name} does not belong into compose.capacity.yml.", kind="usage"
                )
    body = "services:\n" + _lines(services, ["services"]) if services else "services: {}\n"
    return HEADER + body


def written_by_us(text: str) -> bool:
    """Whether a file is ours by its first words, whatever its name."""
    return text.startswith(_FIRST_WORDS)


def parse(text: str) -> dict[str, Any]:
    """The data of a file that ``render`` wrote.

    Raises ``HostSideError`` of kind ``compose`` for a line that ``render`` would not write.
    """
    root: dict[str, Any] = {}
    open_mappings = [root]
    keys: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.match(line)
        level = len(match["indent"]) // 2 if match else 0
        if match is None or len(match["indent"]) % 2 or level >= len(open_mappings):
            raise _not_ours(number)
        del open_mappings[level + 1 :]
        key = json.loads(match["key"]) if match["key"].startswith('"') else match["key"]
        keys[level:] = [key]
        value = {} if match["value"] is None else _value(match["value"], number, refers=_refers(keys))
        open_mappings[level][key] = value
        if match["value"] is None:
            open_mappings.append(value)
    return root


def limits_written(service: dict[str, Any]) -> dict[str, Any]:
    """The limits that a service's keys give, in either form: ``memory``, ``swap`` (bytes) and ``cpus`` (cores).

    Compose wants those under ``deploy`` as texts.
    """
    limits = ((service.get("deploy") or {}).get("resources") or {}).get("limits") or {}
    memory, cpus = service.get("mem_limit", limits.get("memory")), service.get("cpus", limits.get("cpus"))
    swap = service.get("memswap_limit")
    return {
        "memory": None if memory is None else int(memory),
        "swap": None if swap is None else int(swap),
        "cpus": None if cpus is None else float(cpus),
    }


def _lines(mapping: dict[str, Any], keys: list[str]) -> str:
    parts = []
    for name in sorted(mapping):
        value, key, indent = mapping[name], _key(str(name)), "  " * len(keys)
        if isinstance(value, dict) and value:
            parts.append(f"{indent}{key}:\n{_lines(value, [*keys, str(name)])}")
        else:
            parts.append(f"{indent}{key}: {_scalar(value, refers=_refers([*keys, str(name)]))}\n")
    return "".join(parts)


def _refers(keys: list[str]) -> bool:
    """Whether these keys lead to a value of an environment: ``services``, the service, ``environment``, the name."""
    return len(keys) == _DEEP and keys[2] == "environment"


def _key(name: str) -> str:
    plain = _PLAIN_KEY.match(name) and name.lower() not in _WORDS
    return name if plain else _text(name)


def _scalar(value: Any, *, refers: bool) -> str:
    if isinstance(value, str):
        return _text(value if refers else value.replace("$", "$$"))
    if isinstance(value, list):
        return "[" + ", ".join(_text(str(word).replace("$", "$$")) for word in value) + "]"
    if isinstance(value, float) and value == int(value):
        return f"{int(value)}.0"
    return json.dumps(value)


def _text(text: str) -> str:
    """A JSON string is a double-quoted YAML string, as long as characters beyond ASCII stand as they are."""
    return re.sub(
        r"[\x7f-\xa0\u2028\u2029\ufeff]", lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False)
    )


def _value(text: str, number: int, *, refers: bool) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        raise _not_ours(number) from None
    if isinstance(value, list):
        return [str(word).replace("$$", "$") for word in value]
    return value.replace("$$", "$") if isinstance(value, str) and not refers else value


def _not_ours(number: int) -> HostSideError:
    return HostSideError(
        f"Line {number} of compose.capacity.yml was edited by hand and is not understood.", kind="compose"
    )
