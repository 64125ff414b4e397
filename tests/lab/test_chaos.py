"""Six draws of the chaos test whose seeds are fixed; more: ``scripts/test --chaos N``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from selextract_infra.lab import Lab
from tests.chaos.grammar import draw
from tests.chaos.series import Place, judge, line

pytestmark = [pytest.mark.lab, pytest.mark.slow]

# A restart and a settling beside a shared network; an act killed while settling; the engine restarted while PgBouncer
# comes and while all is uninstalled; the program killed while it scales in.
SEEDS = (2330, 2280, 481, 439, 442, 490)


@pytest.fixture(scope="module")
def place(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The lab without its own application, which comes back afterwards."""
    ready = Place(lab.name, lab.folder.path, tmp_path_factory.mktemp("chaos"))
    ready.prepare()
    yield ready
    ready.host.restore()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_drawn_project_is_not_left_worse(place: Place, seed: int) -> None:
    result = judge(place, draw(seed))
    assert result["verdict"] in ("ok", "refused"), f"{line(result)}\n{result['violations']}\n{result['notes']}"
