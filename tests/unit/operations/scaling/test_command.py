"""``scale`` as a person types it, without a host: what cannot be meant is said before anything is looked at."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from selextract_infra.cli import build
from selextract_infra.errors import InventoryError, SelextractError, UsageError


@pytest.fixture(scope="module")
def app() -> typer.Typer:
    return build("scale")


def failed(app: typer.Typer, *words: str) -> SelextractError:
    done = CliRunner().invoke(app, ["scale", *words], env={"COLUMNS": "80"})
    assert isinstance(done.exception, SelextractError), done.output
    return done.exception


@pytest.mark.parametrize("word", ["api", "=4", "api=", "api=-1", "api=four", "api=4.0", "api=100000", "api:4"])
def test_what_is_no_count_is_a_usage_error(app: typer.Typer, word: str) -> None:
    problem = failed(app, word)
    assert isinstance(problem, UsageError)
    assert "is no count of a service" in str(problem)


def test_a_service_is_asked_for_once(app: typer.Typer) -> None:
    assert "api is asked for twice" in str(failed(app, "api=2", "api=3"))


def test_a_saved_observation_is_only_looked_at(app: typer.Typer, tmp_path: Path) -> None:
    assert "only looked at" in str(failed(app, "api=2", "--observation", str(tmp_path), "--apply"))


def test_a_missing_inventory_is_said_after_that(app: typer.Typer, tmp_path: Path) -> None:
    assert isinstance(failed(app, "api=2", "-i", str(tmp_path / "none")), InventoryError)
