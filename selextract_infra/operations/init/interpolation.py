"""Variables in the values of a Compose file, as Compose fills them in. Pure.

What is not set anywhere stays in the text by its name, ``${NAME}``: what a value then is, nobody can say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from selextract_infra.errors import ComposeFileError

__all__ = ["filled_in"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATORS = (":-", ":?", ":+", "-", "?", "+")
_DEEPEST = 20


def filled_in(value: Any, variables: Mapping[str, str], where: str) -> Any:
    """The value with its variables filled in; keys stay. Raises ComposeFileError for what Compose cannot read."""
    if isinstance(value, str):
        return _filled(value, variables, where, 0)
    if isinstance(value, dict):
        return {key: filled_in(inner, variables, f"{where}.{key}") for key, inner in value.items()}
    if isinstance(value, list):
        return [filled_in(inner, variables, where) for inner in value]
    return value


def _filled(text: str, variables: Mapping[str, str], where: str, depth: int) -> str:
    if "$" not in text:
        return text
    if depth > _DEEPEST:
        raise ComposeFileError(f"{where}: the defaults of its variables nest too deep.")
    parts: list[str] = []
    position = 0
    while (dollar := text.find("$", position)) >= 0:
        parts.append(text[position:dollar])
        following = text[dollar + 1 : dollar + 2]
        name = _NAME.match(text, dollar + 1)
        if following == "$":
            parts.append("$")
            position = dollar + 2
        elif following == "{":
            end = _closing(text, dollar + 2)
            if end is None:
                raise ComposeFileError(f"{where}: a variable in braces has no end: {text[dollar : dollar + 40]}.")
            parts.append(_braced(text[dollar + 2 : end], variables, where, depth))
            position = end + 1
        elif name is not None:
            parts.append(variables.get(name[0], f"${{{name[0]}}}"))
            position = name.end()
        else:  # Compose refuses it, the platforms that publish such files do not; it means a dollar sign to all of them
            parts.append("$")
            position = dollar + 1
    return "".join(parts) + text[position:]


def _closing(text: str, start: int) -> int | None:
    """The brace that ends a variable, past those of variables in its default."""
    open_braces = 1
    for index in range(start, len(text)):
        if text.startswith("${", index):
            open_braces += 1
        elif text[index] == "}":
            open_braces -= 1
            if not open_braces:
                return index
    return None


def _braced(content: str, variables: Mapping[str, str], where: str, depth: int) -> str:
    name = _NAME.match(content)
    rest = content[name.end() :] if name else content
    operator = next((each for each in _OPERATORS if rest.startswith(each)), None)
    if name is None or (rest and operator is None):
        raise ComposeFileError(f"{where}: ${{{content[:40]}}} is no variable that Compose can read.")
    value, other = variables.get(name[0]), rest[len(operator or "") :]
    present = bool(value) if operator and operator.startswith(":") else value is not None
    if operator in (":+", "+"):
        return _filled(other, variables, where, depth + 1) if present else ""
    if present:
        return value or ""
    if operator in (":-", "-"):
        return _filled(other, variables, where, depth + 1)
    return f"${{{name[0]}}}"
