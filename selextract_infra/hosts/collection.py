"""Where Ansible finds the collection ``selextract.infra``: the checkout first, else the installed wheel."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

from selextract_infra.errors import SelextractError

__all__ = ["collections_path", "search_path"]

_COLLECTION = Path("ansible_collections", "selextract", "infra")
_ANSIBLE_DEFAULT = ("~/.ansible/collections", "/usr/share/ansible/collections")


def collections_path(root: Path | None = None) -> Path | None:
    """The folder to name first in ``ANSIBLE_COLLECTIONS_PATH``, None where the collection was installed by the wheel.

    In a checkout the collection is the repository's root itself, reached by a link below ``.ansible/collections``;
    where the checkout is read-only the link is below the user's cache folder. Raises ``SelextractError`` when neither
    can be written.
    """
    root = root or Path(__file__).resolve().parents[2]
    if not _is_checkout(root):
        return None
    own = root / ".ansible" / "collections"
    if _leads_to(own, root) or _linked(own, root):
        return own
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    cached = cache / "selextract-infra" / "collections" / sha256(str(root).encode()).hexdigest()[:12]
    if _leads_to(cached, root) or _linked(cached, root):
        return cached
    raise SelextractError(
        f"The Ansible collection of {root} cannot be linked below {own} or {cached}.",
        remedy="make one of the two writable",
    )


def search_path(users: str | None, root: Path | None = None) -> str | None:
    """``ANSIBLE_COLLECTIONS_PATH`` with our collection first and then what the user has set, or Ansible's default.

    None means that nothing needs to be set.
    """
    ours = collections_path(root)
    if ours is None:
        return users
    return os.pathsep.join([str(ours), users or os.pathsep.join(_ANSIBLE_DEFAULT)])


def _is_checkout(root: Path) -> bool:
    return (root / "pyproject.toml").is_file() and (root / "plugins" / "modules").is_dir()


def _leads_to(collections: Path, root: Path) -> bool:
    link = collections / _COLLECTION
    return link.exists() and link.resolve() == root.resolve()


def _linked(collections: Path, root: Path) -> bool:
    """Make the link, atomically, so that several processes may do it at once; False where that is not possible."""
    link = collections / _COLLECTION
    fresh = link.with_name(f".infra-{os.getpid()}")
    try:
        link.parent.mkdir(parents=True, exist_ok=True)
        fresh.symlink_to(os.path.relpath(root, link.parent.resolve()))
        fresh.replace(link)
    except OSError:
        return False
    return _leads_to(collections, root)
