"""What a volume is that is to be grown, as far as that can be seen without one."""

from __future__ import annotations

import pytest

from plugins.module_utils.system.facts import block_device, disk_size
from plugins.module_utils.system.failure import HostSideError
from plugins.module_utils.system.volume import Volume


def test_what_is_on_no_disk_cannot_be_grown_and_says_what_it_is() -> None:
    with pytest.raises(HostSideError, match="cannot be grown: it is proc") as refusal:
        Volume("/proc").refuse_hopeless()
    assert (refusal.value.kind, refusal.value.rule) == ("refused", "X-72")
    assert block_device("/proc") is None
    assert disk_size("/proc") is None


def test_a_file_system_that_stayed_too_small_is_told_with_both_figures() -> None:
    volume = Volume("/")
    volume.refuse_smaller_than(volume.size)
    with pytest.raises(HostSideError, match="are the least"):
        volume.refuse_smaller_than(volume.size + 1)


def test_a_folder_below_a_mount_belongs_to_that_mount() -> None:
    assert Volume("/proc/self").kind == "proc"
