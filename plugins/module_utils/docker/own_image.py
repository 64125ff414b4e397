"""The images of what we run beside the app: each is the one that was used here first, or is named by its digest.

A name such as ``haproxy:3.0`` can be moved to another image, in a registry or on this host. What runs under it carries
all of the app's traffic, so which image it was is noted at first use, and another one is refused.
"""

from __future__ import annotations

from ..state.project_state import ProjectState
from ..system.failure import HostSideError
from .program import docker

__all__ = ["have_own_image", "refuse_moved_image"]

_NOTED = "images.json"
_LOOK_BOUND = 60.0  # seconds
_PULL_BOUND = 600.0


def have_own_image(state: ProjectState, image: str) -> None:
    """Have an image on this host, from its registry where it is missing, and note which it is.

    Raises ``HostSideError`` of kind ``docker`` where it cannot be had, and as ``refuse_moved_image`` does.
    """
    if _id_of(image) is None:
        answer = docker(["pull", "--quiet", image], bound=_PULL_BOUND)
        if answer.code:
            raise HostSideError(f"The image {image} cannot be had: {answer.complaint}.", kind="docker")
    refuse_moved_image(state, image)
    noted = state.read(_NOTED) or {}
    if "@" not in image and image not in noted:
        state.write(_NOTED, {**noted, image: _id_of(image)})


def refuse_moved_image(state: ProjectState, image: str) -> None:
    """Raise ``HostSideError`` of kind ``refused`` where another image has this name than when it was used first.

    An image that is named by its digest is held to that by Docker.
    """
    first, now = (state.read(_NOTED) or {}).get(image), _id_of(image)
    if "@" not in image and None not in (first, now) and first != now:
        raise HostSideError(
            f"{image} is another image than when it was used here first ({str(now)[:19]}, then {str(first)[:19]})."
            " If that is wanted, name it in the policy with its digest: NAME@sha256:...",
            kind="refused",
            rule="own-image",
        )


def _id_of(image: str) -> str | None:
    answer = docker(["image", "inspect", "--format", "{{.Id}}", image], bound=_LOOK_BOUND)
    return answer.text.strip() if answer.code == 0 else None
