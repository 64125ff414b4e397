"""Draws that are done, one line of JSON each: a long series goes on after an interruption, for the same product."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

__all__ = ["Kept", "code_of"]

_PRODUCT = ("selextract_infra", "plugins", "playbooks", "roles", "tests/chaos")


def code_of(checkout: Path) -> str:
    """A digest of the product and of the judge as they lie in a checkout; other tests and documents do not count."""
    digest = hashlib.sha256()
    listed = subprocess.run(
        ["git", "-C", str(checkout), "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *_PRODUCT],
        capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    for name in sorted(filter(None, listed.stdout.split(b"\0"))):
        path = checkout / name.decode()
        if path.is_file():
            digest.update(name + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


class Kept:
    """A file of results."""

    def __init__(self, path: Path, code: str) -> None:
        self._path = path
        self._code = code

    def of(self, seed: int) -> dict[str, Any] | None:
        """The result of that seed with the same code, if there is one that is no void draw."""
        kept = None
        for result in self.all():
            if result["seed"] == seed and result["verdict"] != "void":
                kept = result
        return kept

    def all(self) -> list[dict[str, Any]]:
        """All results with this code."""
        if not self._path.exists():
            return []
        lines = self._path.read_text(encoding="utf-8").split("\n")[:-1]
        return [result for result in map(json.loads, lines) if result["code"] == self._code]

    def add(self, result: dict[str, Any]) -> None:
        """Write one down."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"code": self._code, **result}, default=str) + "\n")
