"""The application's files, as its own team would write them."""

from __future__ import annotations

import ast
import io
import stat
import tarfile
from typing import Any

import pytest
import yaml

from selextract_infra.lab import stack


@pytest.fixture(scope="module")
def files() -> dict[str, tuple[int, bytes]]:
    """Path in the application's folder → mode and content."""
    with tarfile.open(fileobj=io.BytesIO(stack._archive("secret"))) as archive:
        return {
            entry.name: (entry.mode, content.read())
            for entry in archive.getmembers()
            if (content := archive.extractfile(entry)) is not None
        }


@pytest.fixture(scope="module")
def services(files: dict[str, tuple[int, bytes]]) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(files["compose.yml"][1])["services"]
    return found


def test_only_the_secret_file_is_closed_and_only_scripts_run(files: dict[str, tuple[int, bytes]]) -> None:
    for path, (mode, _) in files.items():
        wanted = 0o600 if path == ".env" else 0o755 if path.endswith(".sh") else 0o644
        assert stat.S_IMODE(mode) == wanted, path


def test_the_password_stands_in_the_secret_file_and_nowhere_else(files: dict[str, tuple[int, bytes]]) -> None:
    assert [path for path, (_, content) in files.items() if b"secret\n" in content] == [".env"]


def test_every_service_can_be_recreated_without_harm(services: dict[str, Any]) -> None:
    assert set(services) == {"nginx", "frontend", "api", "worker", "postgres", "redis"}
    for name, service in services.items():
        assert service["restart"] == "unless-stopped", name
        assert service["healthcheck"], name
        assert service["stop_grace_period"], name


def test_limits_are_in_the_service_form_with_the_swap_limit(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["mem_limit"] == service["memswap_limit"], name
        assert service["cpus"] > 0, name
        assert "deploy" not in service, name


def test_the_applications_code_is_valid(files: dict[str, tuple[int, bytes]]) -> None:
    for path, (_, content) in files.items():
        if path.endswith(".py"):
            ast.parse(content, path)


def test_the_digest_says_whether_two_labs_run_the_same_application() -> None:
    assert stack.digest() == stack.digest()
    assert len(stack.digest()) == 12
