"""A host access values over to another one by name and form, and nothing beside them."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.module_utils.postgres.scram import scram_verifier
from plugins.module_utils.system.certificate import self_made_certificate
from selextract_infra.errors import SelextractError
from selextract_infra.hosts.handed_over import with_received

VERIFIER = scram_verifier("a password")
STEP: dict[str, Any] = {
    "id": "replica-db2",
    "receives": {"replication_primary": ("verifier", "fresh")},
    "acts": [
        {"name": "replication_primary", "values": {"name": "selextract_db2"}},
        {"name": "read_balancer", "values": {}},
    ],
}


def answer(handed_over: Any) -> dict[str, Any]:
    return {"steps": {"replica-db2": {"acts": [{"act": "replica_files", "handed_over": handed_over}]}}}


def test_what_an_act_waits_for_comes_from_the_part_of_another_host() -> None:
    [step] = with_received([STEP], [{}, answer({"verifier": VERIFIER, "fresh": True, "name": "root"})])
    assert step["acts"][0]["values"] == {"name": "selextract_db2", "verifier": VERIFIER, "fresh": True}
    assert step["acts"][1]["values"] == {}
    assert "receives" not in step


def test_a_host_whose_part_is_done_already_has_nothing_to_hand_over() -> None:
    [step] = with_received([STEP], [{}, {"steps": {}}])
    assert step["acts"][0]["values"] == {"name": "selextract_db2"}


def test_a_certificate_and_a_token_have_their_form() -> None:
    given = {"certificate": self_made_certificate("image")[0], "token": "0" * 64}
    waiting = {"id": "s", "receives": {"image_copy": list(given)}, "acts": [{"name": "image_copy", "values": {}}]}
    [step] = with_received([waiting], [answer(given)])
    assert step["acts"][0]["values"] == given


@pytest.mark.parametrize(
    "handed_over",
    [
        {"verifier": f"{VERIFIER}'; DROP ROLE postgres; --"},
        {"verifier": f"{VERIFIER}\n"},
        {"verifier": "a password of its own"},
        {"verifier": ["SCRAM-SHA-256"]},
        {"fresh": "{{ lookup('pipe', 'id') }}"},
        {"fresh": 1},
    ],
    ids=["more after it", "a line break", "another text", "a list", "a template", "a number"],
)
def test_anything_else_is_refused(handed_over: dict[str, Any]) -> None:
    with pytest.raises(SelextractError, match="something else than a"):
        with_received([STEP], [answer(handed_over)])
