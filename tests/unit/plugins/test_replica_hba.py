"""Who may come in at a replica: nobody who could do there what no reader has to."""

from __future__ import annotations

import pytest

from plugins.module_utils.replica.project import hba_text
from plugins.module_utils.system.failure import HostSideError


def test_superusers_and_whoever_replicates_are_turned_away_before_anybody_is_let_in() -> None:
    lines = [line.split() for line in hba_text(["postgres", "admin"]).splitlines() if not line.startswith("#")]
    let_in = next(number for number, words in enumerate(lines) if words[:4] == ["host", "all", "all", "all"])
    turned_away = {words[2] if words[1] == "all" else words[1] for words in lines[:let_in] if words[-1] == "reject"}
    assert turned_away == {"replication", '"postgres"', '"admin"'}


def test_the_name_of_a_role_stays_one_name() -> None:
    assert 'host all "a"" b" all reject' in hba_text(['a" b'])


def test_a_name_with_the_end_of_a_line_begins_no_line_of_its_own() -> None:
    with pytest.raises(HostSideError, match="control characters"):
        hba_text(["postgres", 'x" all reject\nhost all all all trust\n#'])
