"""A replica that answers otherwise than its primary does not do its work."""

from __future__ import annotations

from typing import Any, cast

import pytest

from plugins.module_utils.postgres.psql import PostgresServer
from plugins.module_utils.replica.look import answers_otherwise

WANTED = {"search_path": "shop, public", "app.currency": "EUR"}


class Answering:
    """A server whose settings are these."""

    def __init__(self, settings: dict[str, str | None]) -> None:
        self.settings = settings

    def row(self, statement: str) -> dict[str, Any]:
        return {"answers": {name: value for name, value in self.settings.items() if f'"{name}"' in statement}}


def complaint(settings: dict[str, str | None]) -> str | None:
    return answers_otherwise(WANTED, cast(PostgresServer, Answering(settings)))


def test_one_that_has_all_is_well() -> None:
    assert complaint({**WANTED, "work_mem": "1"}) is None
    assert answers_otherwise({}, cast(PostgresServer, Answering({}))) is None


def test_what_is_set_for_a_role_comes_with_the_data() -> None:
    assert complaint({**WANTED, "search_path": None}) is None


@pytest.mark.parametrize("settings", [{"search_path": "shop, public"}, {**WANTED, "app.currency": "USD"}])
def test_one_that_lacks_a_setting_or_has_another_is_named(settings: dict[str, str | None]) -> None:
    assert complaint(settings) == "it answers otherwise than its primary, which has another app.currency"
