"""The program that carries steps out on hosts: this collection's own code for hosts, as one file that Python runs."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from selextract_infra.errors import SelextractError

__all__ = ["HostProgram", "host_program"]

_PACKAGE = "selextract_host"
_MAIN = f"from {_PACKAGE}.state.runner import main\n\nmain()\n"
_FRAME = "module.py"  # needs Ansible, which a host does not have


@dataclass(frozen=True)
class HostProgram:
    """The program and the digest that hosts know it by."""

    digest: str
    content: bytes

    @property
    def text(self) -> str:
        """The content in Base64, as it travels."""
        return base64.b64encode(self.content).decode("ascii")


@lru_cache(maxsize=1)
def host_program() -> HostProgram:
    """The program of this version; the same code gives the same bytes. Raises ``SelextractError`` without that code."""
    folder = _code_for_hosts()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "__main__.py", _MAIN)
        _add(archive, f"{_PACKAGE}/__init__.py", "")
        for path in sorted(folder.rglob("*.py")):
            name = path.relative_to(folder)
            if name.as_posix() != _FRAME:
                _add(archive, f"{_PACKAGE}/{name.as_posix()}", path.read_text(encoding="utf-8"))
        for package in sorted({path.parent.relative_to(folder) for path in folder.rglob("*.py")} - {Path()}):
            _add(archive, f"{_PACKAGE}/{package.as_posix()}/__init__.py", "")
    content = buffer.getvalue()
    return HostProgram(hashlib.sha256(content).hexdigest()[:12], content)


def _add(archive: zipfile.ZipFile, name: str, text: str) -> None:
    """Without a time, so that the digest tells of the code alone."""
    archive.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)


def _code_for_hosts() -> Path:
    """The checkout's, or the one that the wheel carries."""
    here = Path(__file__).resolve()
    for folder in (
        here.parents[2] / "plugins" / "module_utils",
        here.parents[2] / "ansible_collections" / "selextract" / "infra" / "plugins" / "module_utils",
    ):
        if folder.is_dir():
            return folder
    raise SelextractError("The code for hosts is missing from this installation.", remedy="install it again")
