"""Facts of a host, where what says them is wrong for a moment."""

from __future__ import annotations

from plugins.module_utils.system.facts import memory_table


def test_an_amount_that_fell_below_zero_in_a_container_of_lxc_is_nothing() -> None:
    lines = ["MemTotal:  4194304 kB\n", "SwapFree:  18446744073709551612 kB\n", "HugePages_Total:  0\n"]
    assert memory_table(lines) == {"MemTotal": 2**32, "SwapFree": 0}
