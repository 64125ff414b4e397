"""The wheel is the whole program: outside the checkout it imports, and its playbooks run by their names."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from selextract_infra.hosts.program import host_program

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder, ROOT],
        check=True, timeout=180, capture_output=True,
    )  # fmt: skip
    (built,) = folder.glob("*.whl")
    return built


def _outside(python: Path, folder: Path, path: str | None = None) -> dict[str, str]:
    extra = {"PYTHONPATH": path} if path else {}
    return {"PATH": f"{python.parent}:/usr/bin:/bin", "HOME": str(folder), "LC_ALL": "C.UTF-8", **extra}


def _works(python: Path, folder: Path, environment: dict[str, str]) -> None:
    where = subprocess.run(
        [python, "-c", "import selextract_infra as sx; print(sx.__file__); sx.default_policy(); sx.Fleet"],
        cwd=folder, env=environment, check=True, timeout=120, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert not where.startswith(str(ROOT) + os.sep + "selextract_infra")
    for_hosts = "from selextract_infra.hosts.program import host_program; print(host_program().digest)"
    digest = subprocess.run(
        [python, "-c", for_hosts], cwd=folder, env=environment, check=True, timeout=120, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert digest.strip() == host_program().digest, "hosts get the same program from the wheel as from the checkout"
    listed = subprocess.run(
        [python.parent / "ansible-playbook", "-i", "localhost,", "--list-tasks", "selextract.infra.rightsize"],
        cwd=folder, env=environment, check=False, timeout=120, capture_output=True, text=True,
    )  # fmt: skip
    assert listed.returncode == 0, listed.stderr
    assert "Take the lock" in listed.stdout
    seen = subprocess.run(
        [
            python.parent / "ansible-playbook", "-i", "localhost,", "-c", "local", "--check",
            "selextract.infra.rightsize",
        ],
        cwd=folder, env=environment, check=False, timeout=120, capture_output=True, text=True,
    )  # fmt: skip
    assert "was not found" not in seen.stderr + seen.stdout
    assert "couldn't resolve" not in seen.stderr + seen.stdout


def test_the_wheel_works_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    installed = tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", installed, wheel],
        check=True, timeout=120, capture_output=True,
    )  # fmt: skip
    _works(Path(sys.executable), tmp_path, _outside(Path(sys.executable), tmp_path, str(installed)))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_wheel_brings_everything_it_needs_into_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv/bin/python"
    subprocess.run([python, "-m", "pip", "install", "-q", wheel], check=True, timeout=600, capture_output=True)
    _works(python, tmp_path, _outside(python, tmp_path))
