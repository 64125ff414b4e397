"""Amounts are written in one place: figures for the program, amounts for what runs on hosts."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
OWN_NOTATION = re.compile(r"MiB|GiB|<< ?[123]0|>> ?[123]0|\b1024 ?\*|\* ?1024|/ ?1024|2 ?\*\* ?[123]0|/ ?1e[69]:|GB\"$")
READS_OR_WRITES_AMOUNTS = {
    "selextract_infra/model/figures.py": "the one place",
    "selextract_infra/policy/units.py": "reads and writes the policy's own notation",
    "selextract_infra/assess/room.py": "a number that is no amount",
    "selextract_infra/lab/stack/app/tasks.py": "the lab's application, a program of its own",
    "selextract_infra/defects/memory.py": "computes what the two meanings of a unit come to",
    "selextract_infra/defects/cost.py": "computes with prices",
    "plugins/module_utils/system/amounts.py": "the one place on hosts",
    "plugins/module_utils/system/facts.py": "reads /proc/meminfo",
    "plugins/module_utils/compose/definitions.py": "reads the units of Compose",
    "plugins/module_utils/replica/clone.py": "speaks pg_basebackup's kilobytes",
    "plugins/module_utils/postgres/wire.py": "a bound of a message",
    "plugins/module_utils/postgres/restore_point.py": "sizes of pieces that are copied",
    "plugins/module_utils/docker/program.py": "a bound of what a program prints",
    "plugins/module_utils/docker/engine.py": "a bound of an answer",
    "plugins/module_utils/docker/image_archive.py": "a bound of an archive's parts",
    "plugins/module_utils/system/contained_folder.py": "a bound of a file that is read whole",
    "plugins/module_utils/replica/check/conversation.py": "a bound of what a program prints",
    "selextract_infra/operations/tune/plan_redis.py": "reads the units of Redis",
    "plugins/module_utils/docker/image_stream.py": "the size of a piece that is copied",
}


def own_notations(root: Path) -> set[str]:
    """The files below ``root`` that write or count bytes themselves."""
    files = [file for folder in ("selextract_infra", "plugins") for file in (root / folder).rglob("*.py")]
    assert len(files) > 300
    return {str(file.relative_to(root)) for file in files if OWN_NOTATION.search(file.read_text(encoding="utf-8"))}


def test_no_other_file_has_a_notation_of_its_own() -> None:
    assert own_notations(ROOT) - set(READS_OR_WRITES_AMOUNTS) == set()


def test_every_exception_is_still_one() -> None:
    assert set(READS_OR_WRITES_AMOUNTS) - own_notations(ROOT) == set()


def test_both_sides_write_the_same() -> None:
    from plugins.module_utils.system import amounts
    from selextract_infra.model import figures

    for value in (None, 0, 1, 2**20, 1288490188, 2**31, 3 * 2**30 + 5):
        assert amounts.memory(value) == figures.memory(value)
        assert amounts.cores(None if value is None else value / 2**30) == figures.cores(
            None if value is None else value / 2**30
        )
    for value in (1, 16 * 10**6, 10**9, 456 * 10**9 + 10**8):
        assert amounts.disk(value) == figures.disk(value)
