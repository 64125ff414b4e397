"""The recipes of the images."""

from __future__ import annotations

import subprocess

import pytest

from selextract_infra.lab import images

RECIPES = ["prepare.sh", "host.sh", "stack.sh", "boot.sh"]


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_valid_shell_and_stops_at_the_first_failure(name: str) -> None:
    content = images.recipe(name)
    assert b"set -eu" in content
    subprocess.run(["sh", "-n"], input=content, check=True)


def test_an_images_name_follows_its_recipe_and_its_base(monkeypatch: pytest.MonkeyPatch) -> None:
    debian = images._digest("trixie", "host.sh")
    assert debian == images._digest("trixie", "host.sh")
    assert debian != images._digest("ubuntu:22.04", "host.sh")
    assert debian != images._digest("trixie", "stack.sh")
    monkeypatch.setattr(images, "recipe", lambda _: b"another recipe")
    assert debian != images._digest("trixie", "host.sh")
