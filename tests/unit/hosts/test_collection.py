"""The checkout is the collection."""

from __future__ import annotations

from pathlib import Path

import pytest

from selextract_infra.errors import SelextractError
from selextract_infra.hosts.collection import collections_path, search_path

COLLECTION = Path("ansible_collections", "selextract", "infra")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "checkout"
    (root / "plugins" / "modules").mkdir(parents=True)
    (root / "pyproject.toml").touch()
    return root


def test_a_checkout_is_linked_once_and_found_again(checkout: Path) -> None:
    found = collections_path(checkout)
    assert found == checkout / ".ansible" / "collections"
    link = found / COLLECTION
    assert link.resolve() == checkout
    before = link.lstat().st_ino
    assert collections_path(checkout) == found
    assert link.lstat().st_ino == before


def test_a_checkout_that_was_moved_is_linked_anew(checkout: Path, tmp_path: Path) -> None:
    collections_path(checkout)
    moved = checkout.rename(tmp_path / "moved")
    found = collections_path(moved)
    assert found is not None
    assert (found / COLLECTION).resolve() == moved


def test_a_read_only_checkout_is_linked_from_the_cache(checkout: Path, tmp_path: Path) -> None:
    (checkout / ".ansible").touch()  # also root cannot make a folder below a file
    found = collections_path(checkout)
    assert found is not None
    assert found.is_relative_to(tmp_path / "cache")
    assert (found / COLLECTION).resolve() == checkout


def test_where_nothing_can_be_written_that_is_said(checkout: Path, tmp_path: Path) -> None:
    (checkout / ".ansible").touch()
    (tmp_path / "cache").touch()
    with pytest.raises(SelextractError, match="cannot be linked"):
        collections_path(checkout)


def test_an_installed_wheel_needs_nothing(tmp_path: Path) -> None:
    assert collections_path(tmp_path) is None
    assert search_path(None, tmp_path) is None
    assert search_path("/users", tmp_path) == "/users"


def test_the_checkout_comes_first_and_the_users_folders_stay(checkout: Path) -> None:
    assert search_path("/users", checkout) == f"{checkout}/.ansible/collections:/users"
    assert search_path(None, checkout) == (
        f"{checkout}/.ansible/collections:~/.ansible/collections:/usr/share/ansible/collections"
    )
