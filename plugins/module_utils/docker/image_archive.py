"""What an archive of ``docker save`` holds, looked at before Docker takes it in: one image, the wanted one, no names.

Docker takes in every image and every name of an archive. Somebody who sends one could so put another image in the place
of a name that is used on this host. An image's ID is the digest of its configuration, which has the digests of its
layers, and Docker compares those; where Docker keeps images in containerd, it is the digest of the image's manifest.
"""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from typing import Any, BinaryIO

from ..system.failure import HostSideError

__all__ = ["refuse_other_images"]

_MOST_MEMBERS = 10_000
_LARGEST_TEXT = 16 * 2**20  # bytes of a manifest or configuration; those of common images have a few KB
_LEVELS = re.compile(r"[\[{]")
_MOST_LEVELS = 10_000  # opened brackets; a configuration of hundreds of layers has far fewer
_NAMES = ("io.containerd.image.name", "org.opencontainers.image.ref.name")


def refuse_other_images(archive: BinaryIO, image: str) -> None:
    """Raise ``HostSideError`` of kind ``docker`` where an archive holds anything but the image of that ID."""
    try:
        with tarfile.open(fileobj=archive, mode="r:") as opened:
            _Archive(opened).check(image)
    except (tarfile.TarError, ValueError, KeyError, TypeError, AttributeError, RecursionError, EOFError) as problem:
        raise HostSideError("What arrived is no image of Docker's.", kind="docker") from problem


class _Archive:
    """The members by name; a name that is there twice could be read in two ways."""

    def __init__(self, opened: tarfile.TarFile) -> None:
        self._opened = opened
        self._members: dict[str, tarfile.TarInfo] = {}
        for member in opened:
            name = member.name.rstrip("/")
            if name in self._members or len(self._members) >= _MOST_MEMBERS:
                raise ValueError(name)
            inside = not name.startswith("/") and ".." not in name.split("/")
            if not inside or not (member.isfile() or member.isdir() or _linked(member)):
                raise ValueError(name)
            self._members[name] = member

    def check(self, image: str) -> None:
        (entry,) = self._json("manifest.json")
        configuration = self._text(str(entry["Config"]))
        names = entry.get("RepoTags") or self._json("repositories", {})
        if names or self._names_in_index():
            raise HostSideError("The image that arrived has names, and only its content was asked for.", kind="docker")
        if image not in self._ids(_digest(configuration)):
            raise HostSideError("The image that arrived is not the primary's.", kind="docker")

    def _ids(self, configuration: str) -> set[str]:
        """The IDs under which Docker would have the image: by its configuration, or by its manifest."""
        listed = self._json("index.json", {}).get("manifests") or []
        if not listed:
            return {configuration}
        (about,) = listed
        digest = str(about["digest"])
        manifest = self._text(f"blobs/{digest.replace(':', '/')}")
        if _digest(manifest) != digest:
            raise ValueError(digest)
        own = (_parsed(manifest).get("config") or {}).get("digest")
        return {digest, *([configuration] if own == configuration else [])}

    def _names_in_index(self) -> bool:
        listed = self._json("index.json", {}).get("manifests") or []
        return any((about.get("annotations") or {}).get(name) for about in listed for name in _NAMES)

    def _json(self, name: str, missing: Any = None) -> Any:
        return missing if missing is not None and name not in self._members else _parsed(self._text(name))

    def _text(self, name: str) -> bytes:
        member = self._members[name]
        source = self._opened.extractfile(member) if member.isfile() and member.size <= _LARGEST_TEXT else None
        if source is None:
            raise ValueError(name)
        return source.read()


def _linked(member: tarfile.TarInfo) -> bool:
    """Whether it is what older versions write for a layer that two images have: a link to the other's file."""
    return member.issym() and re.fullmatch(r"\.\./[0-9a-f]{64}/layer\.tar", member.linkname) is not None


def _parsed(text: bytes) -> Any:
    words = text.decode("utf-8")
    if len(_LEVELS.findall(words)) > _MOST_LEVELS:
        raise ValueError("levels")
    return json.loads(words)


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()
