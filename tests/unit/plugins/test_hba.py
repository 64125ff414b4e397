"""Our lines in pg_hba.conf come and go, and every other byte stays."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils.postgres.hba import has_line, replication_line, with_line, without_line

TEAM = "# theirs\nlocal all all trust\r\nhost all all 10.0.0.0/8 scram-sha-256"


def test_a_replica_gets_in_only_with_tls_and_a_password() -> None:
    assert replication_line("selextract_db2").split()[:5] == [
        "hostssl", "replication", "selextract_db2", "samenet", "scram-sha-256",
    ]  # fmt: skip


def test_our_line_stands_first_where_no_other_can_turn_the_replica_away() -> None:
    text = with_line(TEAM, "selextract_db2")
    assert text.startswith(replication_line("selextract_db2") + "\n")
    assert text.endswith(TEAM)


def test_a_second_time_nothing_changes() -> None:
    once = with_line(TEAM, "selextract_db2")
    assert with_line(once, "selextract_db2") == once


def test_one_replicas_line_is_not_anothers() -> None:
    both = with_line(with_line(TEAM, "selextract_db2"), "selextract_db3")
    assert has_line(without_line(both, "selextract_db2"), "selextract_db3")


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=200))
def test_what_was_added_goes_without_a_trace(text: str) -> None:
    assert without_line(with_line(text, "selextract_db2"), "selextract_db2") == text


def test_a_file_of_windows_lines_keeps_them() -> None:
    assert without_line(with_line("a\r\nb\r\n", "selextract_x"), "selextract_x") == "a\r\nb\r\n"
