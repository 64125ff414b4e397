"""The ``ansible.cfg`` that Ansible will take, found as Ansible finds it."""

from __future__ import annotations

import configparser
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["AnsibleConfig"]


@dataclass(frozen=True)
class AnsibleConfig:
    """The ``ansible.cfg`` that Ansible will take."""

    folder: Path
    content: configparser.ConfigParser
    file: Path | None = None

    @classmethod
    def in_force(cls, kept: Mapping[str, str]) -> AnsibleConfig:
        """By Ansible's own search order; one that cannot be read is left for Ansible to complain about."""
        content = configparser.ConfigParser(strict=False, interpolation=None, inline_comment_prefixes=(";",))
        file = next((path for path in _candidates(kept) if path.is_file()), None)
        if file is not None:
            try:
                content.read(file, encoding="utf-8")
            except (configparser.Error, UnicodeDecodeError, OSError):
                content.clear()
        return cls(file.parent if file else Path(), content, file)

    def get(self, section: str, name: str) -> str | None:
        """The setting as written, or None."""
        return self.content.get(section, name, fallback=None)

    def paths(self, section: str, name: str) -> str | None:
        """A list of folders, each relative to the file that names it."""
        written = self.get(section, name)
        if written is None:
            return None
        return os.pathsep.join(str(self.folder / Path(path).expanduser()) for path in written.split(os.pathsep))


def _candidates(kept: Mapping[str, str]) -> Iterator[Path]:
    if "ANSIBLE_CONFIG" in kept:
        named = Path(kept["ANSIBLE_CONFIG"]).expanduser()
        yield named / "ansible.cfg" if named.is_dir() else named
    here = Path.cwd()
    if not here.stat().st_mode & stat.S_IWOTH:  # Ansible takes none from a folder that anybody may write to
        yield here / "ansible.cfg"
    yield Path(kept.get("HOME", "~")).expanduser() / ".ansible.cfg"
    yield Path("/etc/ansible/ansible.cfg")
