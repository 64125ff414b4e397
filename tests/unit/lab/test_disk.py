"""The data disk's file, without the loop device that only root can make of it."""

from __future__ import annotations

from pathlib import Path

from selextract_infra.lab.disk import DataDisk, disks_in

TRUE = ("true",)
"""Stands before losetup, which then does nothing: no loop device is needed to look at the file."""


def test_a_disk_only_ever_grows(tmp_path: Path) -> None:
    disk = DataDisk(tmp_path / "disks" / "app1.img", TRUE)
    assert disk.size == 0
    disk.attach(1000)
    disk.grow(3000)
    disk.grow(2000)
    assert disk.size == 3000


def test_a_disk_that_is_there_keeps_what_it_holds(tmp_path: Path) -> None:
    disk = DataDisk(tmp_path / "app1.img", TRUE)
    disk.attach(1000)
    disk.file.write_bytes(b"x" * 1000)
    disk.attach(5000)
    assert disk.file.read_bytes() == b"x" * 1000


def test_down_removes_every_disk_of_the_lab(tmp_path: Path) -> None:
    for name in ("app1", "db2"):
        DataDisk(tmp_path / f"{name}.img", TRUE).attach(10)
    for disk in disks_in(tmp_path, TRUE):
        disk.remove()
    assert list(tmp_path.iterdir()) == []
