"""The code of this collection that is loaded here, as one file that Python runs: what a host keeps to act by itself."""

from __future__ import annotations

import hashlib
import inspect
import io
import os
import sys
import zipfile

from ..state.state import write_whole

__all__ = ["archive", "code_digest", "write_program"]

_FRAME = "module"  # needs Ansible, which a host does not have


def archive(package: str, main: str) -> bytes:
    """A zip file that runs ``main()`` of the module of that dotted name, and holds every module of ours loaded here.

    The same code gives the same bytes.
    """
    root = __name__.rpartition(".")[0].rpartition(".")[0] + "."
    files = {}
    for name, module in sorted(sys.modules.items()):
        short = name[len(root) :]
        if name.startswith(root) and short != _FRAME and not hasattr(module, "__path__"):
            files[f"{package}/{short.replace('.', '/')}.py"] = inspect.getsource(module)
    # A package inside a zip file needs this file, unlike one in a folder.
    files |= {f"{os.path.dirname(name)}/__init__.py": "" for name in list(files)}
    files |= {f"{package}/__init__.py": "", "__main__.py": f"from {package}.{main} import main\n\nmain()\n"}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for name, text in files.items():
            target.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def code_digest(content: bytes) -> str:
    """What tells this code from another version of it: twelve hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()[:12]


def write_program(path: str, content: bytes) -> bool:
    """Write a program where it differs; whether it did. Raises ``OSError``."""
    try:
        with open(path, "rb") as source:
            same = source.read() == content
    except FileNotFoundError:
        same = False
    if not same:
        write_whole(path, content, mode=0o644)
    return not same
