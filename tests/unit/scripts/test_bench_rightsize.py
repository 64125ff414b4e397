"""What right-sizing is measured by: fewer days with an OOM kill than KRR's and VPA's rules, at most a change a day."""

from __future__ import annotations

import runpy
from pathlib import Path

SCRIPT = Path(__file__).parents[3] / "scripts" / "bench_rightsize.py"


def test_fewer_days_with_a_kill_than_the_others_and_at_most_one_change_a_day() -> None:
    bench = runpy.run_path(str(SCRIPT))
    figures = {name: bench["measure"](rule, 3, 2) for name, rule in bench["RULES"].items()}
    ours = figures.pop("ours")
    assert all(ours["days_without_oom"] >= other["days_without_oom"] for other in figures.values()), figures
    assert ours["changes"] <= 1
    assert ours["slack"] >= 0.4, "the guide's rule leaves that much free"
