"""A unit that goes on after a boot needs what a boot leaves in its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from selextract_infra.errors import UsageError
from selextract_infra.flow.resume_at_boot import refuse_what_a_boot_removes


@pytest.mark.parametrize("path", ["/tmp/clone/.venv/bin/selextract-infra", "/run/inventory", "/dev/shm/state"])
def test_what_a_boot_removes_is_refused(path: str) -> None:
    with pytest.raises(UsageError, match="which a boot may empty"):
        refuse_what_a_boot_removes(Path(path))


@pytest.mark.parametrize("path", ["/opt/selextract-infra/bin/selextract-infra", "/tmpfiles/x", "/root/hosts.yml"])
def test_what_stays_is_not(path: str) -> None:
    refuse_what_a_boot_removes(Path(path))
