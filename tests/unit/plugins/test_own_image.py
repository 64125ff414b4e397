"""The image of what we run beside the app is the one that was used first, whoever moves its name since."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from plugins.module_utils.docker import own_image
from plugins.module_utils.docker.own_image import have_own_image
from plugins.module_utils.docker.program import Answer
from plugins.module_utils.state.migration import require_layout
from plugins.module_utils.state.project_state import ProjectState
from plugins.module_utils.state.state import StateFolder
from plugins.module_utils.system.failure import HostSideError

FIRST, MOVED = "sha256:" + "a" * 64, "sha256:" + "b" * 64


class Registry:
    """What the names of images mean, in a registry and on this host."""

    def __init__(self, **offered: str) -> None:
        self.offered = {name.replace("_", ":"): image for name, image in offered.items()}
        self.here: dict[str, str] = {}
        self.pulled: list[str] = []

    def docker(self, arguments: Sequence[str], **_bounds: float) -> Answer:
        name = arguments[-1]
        if arguments[0] == "pull":
            self.pulled.append(name)
            if name not in self.offered:
                return Answer(1, b"", b"no such image")
            self.here[name] = self.offered[name]
        known = self.here.get(name)
        return Answer(0, known.encode(), b"") if known else Answer(1, b"", b"no such image")


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    made = Registry(haproxy_3=FIRST)
    monkeypatch.setattr(own_image, "docker", made.docker)
    return made


@pytest.fixture
def state(tmp_path: Path) -> ProjectState:
    folder = StateFolder(str(tmp_path / "state"))
    folder.prepare()
    require_layout(folder)
    return ProjectState(folder, "shop")


def test_an_image_is_pulled_once_and_used_again(registry: Registry, state: ProjectState) -> None:
    have_own_image(state, "haproxy:3")
    have_own_image(state, "haproxy:3")
    assert registry.pulled == ["haproxy:3"]


@pytest.mark.parametrize("pulled_again", [False, True])
def test_another_image_under_the_same_name_is_refused(
    registry: Registry, state: ProjectState, pulled_again: bool
) -> None:
    have_own_image(state, "haproxy:3")
    registry.offered["haproxy:3"] = MOVED
    registry.here = {} if pulled_again else {"haproxy:3": MOVED}
    with pytest.raises(HostSideError, match=r"another image than when it was used here first .*digest") as refusal:
        have_own_image(state, "haproxy:3")
    assert (refusal.value.kind, refusal.value.rule) == ("refused", "own-image")


def test_an_image_that_is_named_by_its_digest_is_held_to_that_by_docker(
    registry: Registry, state: ProjectState
) -> None:
    name = f"haproxy@{MOVED}"
    registry.offered[name] = MOVED
    have_own_image(state, "haproxy:3")
    have_own_image(state, name)
    assert registry.pulled == ["haproxy:3", name]


def test_an_image_that_nobody_has_is_a_sentence(registry: Registry, state: ProjectState) -> None:
    with pytest.raises(HostSideError, match="cannot be had: no such image"):
        have_own_image(state, "nothing:1")
    assert state.read("images.json") is None
