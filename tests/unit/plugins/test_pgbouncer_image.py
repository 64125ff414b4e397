"""An image that is not on the host is one sentence that says how to bring it; one without PgBouncer another."""

from __future__ import annotations

import pytest

from plugins.module_utils.docker.program import Answer
from plugins.module_utils.pgbouncer import image
from plugins.module_utils.system.failure import HostSideError


@pytest.mark.parametrize(
    "complaint",
    ["docker: Error response from daemon: No such image: pool:1", "Unable to find image 'pool:1' locally"],
)
def test_a_missing_image_is_said_with_how_to_bring_it(monkeypatch: pytest.MonkeyPatch, complaint: str) -> None:
    monkeypatch.setattr(image, "docker", lambda *_, **__: Answer(125, b"", complaint.encode()))
    with pytest.raises(HostSideError) as failure:
        image.version_in("pool:1", 5.0)
    assert failure.value.sentence == (
        "The image pool:1 is not on this host; bring it with `docker pull pool:1`, or without a registry with"
        " `docker save pool:1 | ssh HOST docker load` from a machine that has it."
    )


def test_an_image_without_pgbouncer_is_another_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image, "docker", lambda *_, **__: Answer(127, b"", b"exec: pgbouncer: not found"))
    with pytest.raises(HostSideError, match="The image pool:1 gives no PgBouncer"):
        image.version_in("pool:1", 5.0)
