"""The program that carries segments out, as it is kept on this host: each version by its digest, beside each other.

It arrives as one file and is kept as a folder that is compiled already: Python compiles all of a zip file again each
time, which took 0.6 of the 0.8 seconds until the first act.
"""

from __future__ import annotations

import compileall
import hashlib
import io
import os
import shutil
import sys
import tempfile
import zipfile

from ..system.failure import HostSideError
from .state import StateFolder, sync_folder, write_whole

__all__ = ["FOLDER", "KeptProgram", "remove_units"]

FOLDER = "programs"
_UNITS = "/etc/systemd/system"
_UNIT = "selextract-infra-carry.service"
_WANTED_BY = f"multi-user.target.wants/{_UNIT}"
_KEPT = 3  # versions
_UNIT_TEXT = """\
# Written by selextract-infra: goes on with steps that this host was carrying out when it went down.
[Unit]
Description=Steps that were interrupted (selextract-infra)
Wants=docker.service
After=docker.service
ConditionDirectoryNotEmpty={segments}

[Service]
Type=oneshot
ExecStart={python} -B -s {program} recover {folder}
TimeoutStartSec=infinity
UMask=0077

[Install]
WantedBy=multi-user.target
"""


class KeptProgram:
    """The version with that digest of its content (twelve hexadecimal digits); ``units`` is systemd's folder."""

    def __init__(self, folder: StateFolder, digest: str, units: str = _UNITS) -> None:
        self._folder = folder
        self._units = units
        self._digest = digest
        self.path = os.path.join(folder.path, FOLDER, digest)

    @property
    def present(self) -> bool:
        """Whether it is there, to be started at boot too."""
        return os.path.exists(self.path) and (os.path.lexists(self._unit(_WANTED_BY)) or not self._has_systemd)

    def command(self, *words: str) -> list[str]:
        """How it is called."""
        return [sys.executable or "/usr/bin/python3", "-B", "-s", self.path, *words]

    def install(self, content: bytes) -> bool:
        """Write it, and the unit that goes on at boot; whether anything changed.

        Raises ``HostSideError`` where the content is not that of the digest, or cannot be written.
        """
        if hashlib.sha256(content).hexdigest()[: len(self._digest)] != self._digest:
            raise HostSideError("The program for this host arrived damaged, so nothing was touched.", kind="state")
        try:
            changed = not os.path.exists(self.path)
            if changed:
                self._unpack(content)
            self._forget_old()
            return self._enable() or changed
        except OSError as problem:
            reason = problem.strerror or problem
            raise HostSideError(
                f"The program for this host cannot be written ({reason}), so nothing was touched.", kind="state"
            ) from problem

    def _unpack(self, content: bytes) -> None:
        """Unpack and compile it beside its place; there it is whole, also after a power failure, or not at all."""
        folder = os.path.dirname(self.path)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        new = tempfile.mkdtemp(dir=folder)
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                archive.extractall(new)  # the digest says that it is ours
            compileall.compile_dir(new, quiet=2)
            os.sync()
            if not os.path.exists(self.path):  # somebody else may have brought it meanwhile
                os.rename(new, self.path)
            sync_folder(folder)
        finally:
            shutil.rmtree(new, ignore_errors=True)

    def _enable(self) -> bool:
        """Written without asking systemd: it reads its units at boot, and only then this one matters."""
        if not self._has_systemd:
            return False
        text = _UNIT_TEXT.format(
            segments=os.path.join(self._folder.path, "segments"),
            python=sys.executable or "/usr/bin/python3",
            program=self.path,
            folder=self._folder.path,
        ).encode()
        unit, link = self._unit(_UNIT), self._unit(_WANTED_BY)
        changed = _content(unit) != text
        if changed:
            write_whole(unit, text, mode=0o644)
        if not os.path.lexists(link):
            os.makedirs(os.path.dirname(link), exist_ok=True)
            os.symlink(unit, link)
            changed = True
        return changed

    @property
    def _has_systemd(self) -> bool:
        return os.path.isdir(self._units)

    def _unit(self, name: str) -> str:
        return os.path.join(self._units, name)

    def _forget_old(self) -> None:
        """Keep some older ones: a Run that one of them began may still be carried out.

        The one that ends an emergency is kept in any case.
        """
        folder = os.path.dirname(self.path)
        kept = {self._digest, str((self._folder.read("emergency.json") or {}).get("program"))}
        versions = [os.path.join(folder, name) for name in os.listdir(folder) if name not in kept]
        for path in sorted(versions, key=os.path.getmtime, reverse=True)[_KEPT - 1 :]:
            shutil.rmtree(path, ignore_errors=True)


def remove_units(units: str = _UNITS) -> bool:
    """Take away what starts it at boot; whether there was anything."""
    paths = [os.path.join(units, name) for name in (_WANTED_BY, _UNIT)]
    present = [path for path in paths if os.path.lexists(path)]
    for path in present:
        os.unlink(path)
    return bool(present)


def _content(path: str) -> bytes | None:
    try:
        with open(path, "rb") as source:
            return source.read()
    except FileNotFoundError:
        return None
