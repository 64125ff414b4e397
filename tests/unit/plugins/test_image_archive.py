"""What a primary's host sends as its image: taken in only where it is that image, without names."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from typing import Any

import pytest

from plugins.module_utils.docker.image_archive import refuse_other_images
from plugins.module_utils.system.failure import HostSideError

CONFIG = json.dumps({"rootfs": {"type": "layers", "diff_ids": ["sha256:aa"]}}).encode()


def digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


IMAGE = digest(CONFIG)


def archive(members: dict[str, Any], *more: tarfile.TarInfo) -> io.BytesIO:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as opened:
        for name, content in members.items():
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            opened.addfile(entry, io.BytesIO(data))
        for entry in more:
            opened.addfile(entry)
    stream.seek(0)
    return stream


def older(**manifest: Any) -> dict[str, Any]:
    """As Docker 20.10 saves an image."""
    name = f"{IMAGE[7:]}.json"
    return {
        "aa/layer.tar": b"layer",
        name: CONFIG,
        "manifest.json": [{"Config": name, "RepoTags": None, "Layers": ["aa/layer.tar"], **manifest}],
    }


def newer(*more: dict[str, Any], annotations: dict[str, str] | None = None) -> dict[str, Any]:
    """As Docker 25 and later save an image."""
    manifest = json.dumps({"config": {"digest": IMAGE}, "layers": []}).encode()
    about = {"digest": digest(manifest), **({"annotations": annotations} if annotations else {})}
    return {
        f"blobs/sha256/{IMAGE[7:]}": CONFIG,
        f"blobs/sha256/{digest(manifest)[7:]}": manifest,
        "index.json": {"manifests": [about, *more]},
        "manifest.json": [{"Config": f"blobs/sha256/{IMAGE[7:]}", "RepoTags": None, "Layers": []}],
        "oci-layout": {"imageLayoutVersion": "1.0.0"},
    }


@pytest.mark.parametrize("saved", [older(), newer()], ids=["20.10", "25 and later"])
def test_the_wanted_image_is_taken_in(saved: dict[str, Any]) -> None:
    refuse_other_images(archive(saved), IMAGE)


def test_where_docker_keeps_images_in_containerd_the_id_is_that_of_the_manifest() -> None:
    saved = newer()
    refuse_other_images(archive(saved), saved["index.json"]["manifests"][0]["digest"])


@pytest.mark.parametrize(
    ("saved", "words"),
    [
        (older(RepoTags=["haproxy:3.0"]), "has names"),
        ({**older(), "repositories": {"haproxy": {"3.0": "aa"}}}, "has names"),
        (newer(annotations={"io.containerd.image.name": "docker.io/library/haproxy:3.0"}), "has names"),
        ({**older(), f"{IMAGE[7:]}.json": b'{"rootfs": {}}'}, "not the primary's"),
        ({**older(), "manifest.json": [*older()["manifest.json"], {"Config": "b.json"}]}, "no image"),
        (newer({"digest": "sha256:" + "b" * 64}), "no image"),
        ({**older(), "../../etc/cron.d/x": b"* * * * * root id"}, "no image"),
        ({**older(), "manifest.json": b"[" * 100_000}, "no image"),
        ({"manifest.json": {}}, "no image"),
        ({}, "no image"),
    ],
)  # fmt: skip
def test_anything_else_is_refused_before_docker_sees_it(saved: dict[str, Any], words: str) -> None:
    with pytest.raises(HostSideError, match=words):
        refuse_other_images(archive(saved), IMAGE)


def test_an_index_that_leads_to_another_image_than_the_manifest_is_refused() -> None:
    evil = json.dumps({"config": {"digest": "sha256:" + "e" * 64}}).encode()
    saved = {
        **newer(),
        f"blobs/sha256/{digest(evil)[7:]}": evil,
        "index.json": {"manifests": [{"digest": digest(evil)}]},
    }
    with pytest.raises(HostSideError, match="not the primary's"):
        refuse_other_images(archive(saved), IMAGE)


def test_a_link_a_device_and_a_name_that_is_there_twice_are_refused() -> None:
    link, device, twice = tarfile.TarInfo("x"), tarfile.TarInfo("y"), tarfile.TarInfo("manifest.json")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/shadow"
    device.type = tarfile.CHRTYPE
    for entry in (link, device, twice):
        with pytest.raises(HostSideError, match="no image"):
            refuse_other_images(archive(older(), entry), IMAGE)


def test_what_is_no_archive_at_all_is_refused() -> None:
    with pytest.raises(HostSideError, match="no image"):
        refuse_other_images(io.BytesIO(b"x" * 100_000), IMAGE)
