"""``tune`` and ``budget`` as a person or a script calls them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from selextract_infra.assess.room import HostSize, Room
from selextract_infra.cli import build
from selextract_infra.errors import RefusedError, SelextractError, UnitError, UsageError
from selextract_infra.policy import default_policy
from tests.unit.operations.scaling.scaled import GB, service

TWO_GB = ["tune", "postgres", "--memory", "2GiB", "--cpus", "2", "--connections", "50", "--pg-version", "16"]
BUDGET = ["budget", "connections"]


@pytest.fixture(scope="module")
def app() -> typer.Typer:
    return build()


def said(app: typer.Typer, *words: str) -> str:
    done = CliRunner().invoke(app, list(words), env={"COLUMNS": "80", "TERM": "dumb"})
    assert done.exit_code == 0, done.output
    return done.stdout


def failed(app: typer.Typer, *words: str) -> tuple[SelextractError, str]:
    done = CliRunner().invoke(app, list(words), env={"COLUMNS": "80"})
    assert isinstance(done.exception, SelextractError), done.output
    return done.exception, done.stdout


def test_the_file_itself(app: typer.Typer) -> None:
    text = said(app, *TWO_GB, "--format", "conf")
    assert text.splitlines()[4:6] == ["autovacuum_max_workers = 3", "autovacuum_work_mem = 42MB"]
    assert "shared_buffers = 512MB\n" in text


def test_the_table_fits_a_narrow_terminal_and_names_what_was_not_granted(app: typer.Typer) -> None:
    text = said(app, *TWO_GB)
    assert "superuser_reserved_connections" in text
    assert "X-01 shared_buffers: 8,192 MB are 400 % of 2,048 MB; 25 % of 2,048 MB are granted." in " ".join(
        text.split()
    )
    assert "shm_size: 256 MB" in text


def test_json_has_settings_budget_and_decisions(app: typer.Typer) -> None:
    data = json.loads(said(app, *TWO_GB, "--disk", "100GB", "--storage", "nvme", "--format", "json"))
    assert data["total"] <= data["allowed"]
    by_name = {setting["name"]: setting for setting in data["settings"]}
    assert by_name["shared_buffers"] == {
        "name": "shared_buffers",
        "value": 512 << 20,
        "unit": "bytes",
        "context": "postmaster",
        "rule": "X-01",
        "why": "at most 25 % of the memory there is",
    }
    assert by_name["effective_io_concurrency"]["value"] == 1000
    assert {decision["rule"] for decision in data["decisions"]} >= {"X-01", "X-03", "X-04"}


def test_a_policy_file_changes_the_wish(app: typer.Typer, tmp_path: Path) -> None:
    file = tmp_path / "policy.yml"
    file.write_text("memory_parts: {database: {work_mem: 8MB}}\n")
    assert "work_mem = 8MB\n" in said(app, *TWO_GB, "--policy", str(file), "--format", "conf")


def test_shared_buffers_of_all_memory_are_refused(app: typer.Typer) -> None:
    error, _ = failed(app, *TWO_GB, "--shared-buffers", "8GB", "--override", "X-01")
    assert isinstance(error, RefusedError)
    assert (error.rule, error.exit_code, error.override) == ("X-01", 3, None)


@pytest.mark.parametrize("missing", ["--memory", "--cpus", "--pg-version"])
def test_what_nothing_can_stand_for_is_asked_for(app: typer.Typer, missing: str) -> None:
    at = TWO_GB.index(missing)
    error, _ = failed(app, *TWO_GB[:at], *TWO_GB[at + 2 :])
    assert isinstance(error, UsageError)
    assert error.remedy == f"say {missing}"


def test_memory_needs_a_unit(app: typer.Typer) -> None:
    error, _ = failed(app, "tune", "postgres", "--memory", "2048", "--cpus", "2", "--pg-version", "16")
    assert isinstance(error, UnitError)


def test_workers_and_api_together(app: typer.Typer) -> None:
    words = ["tune", "workers", "--memory", "3GB", "--cpus", "2", "--api-memory", "2GB", "--api-cpus", "2"]
    data = json.loads(said(app, *words, "--api-instances", "1", "--requests", "200", "--format", "json"))
    assert {setting["name"]: setting["value"] for setting in data["worker"]["settings"]}["concurrency"] == 3
    recycling = next(finding for finding in data["api"]["findings"] if finding["rule"] == "X-18")
    assert recycling["numbers"]["interval_seconds"] == 20
    assert "worker_processes" in said(app, *words)


def test_half_of_the_api_is_a_wrong_call(app: typer.Typer) -> None:
    error, _ = failed(app, "tune", "workers", "--memory", "3GB", "--cpus", "2", "--api-memory", "2GB")
    assert isinstance(error, UsageError)


def both(app: typer.Typer, *words: str) -> tuple[str, str]:
    """What a command writes, and what it says beside that."""
    done = CliRunner().invoke(app, list(words), env={"COLUMNS": "80", "TERM": "dumb"})
    assert done.exit_code == 0, done.output
    return done.stdout, " ".join(done.stderr.split())


def test_a_file_says_each_value_that_is_less_than_asked_for(app: typer.Typer) -> None:
    """1,000 connections in 2 GB become 209; it used to write that number without a word."""
    words = ["--cpus", "2", "--pg-version", "16", "--connections", "1000", "--memory", "2GB", "--format", "conf"]
    file, beside = both(app, "tune", "postgres", *words)
    lines = file.splitlines()
    place = next(number for number, line in enumerate(lines) if line.startswith("max_connections = "))
    granted = int(lines[place].split()[-1])
    assert granted < 1000
    reason = f"X-02: {granted} fit into 2,048 MB with 1 MB of work_mem each; more clients need a pooler."
    assert f"# {reason}" in lines[:place]
    assert f"max_connections: {reason}" in beside
    for name in ("shared_buffers", "work_mem", "maintenance_work_mem", "max_parallel_workers"):
        above = lines[lines.index(next(line for line in lines if line.startswith(f"{name} = "))) - 1]
        assert above.startswith("# X-0"), name
        assert f"{name}: X-0" in beside


def test_lz4_is_written_only_where_it_is_known(app: typer.Typer) -> None:
    file, beside = both(app, *TWO_GB, "--format", "conf")
    assert "\nwal_compression = " not in file
    assert "# wal_compression: postgres.lz4: Nobody said whether the server was built with lz4" in file
    assert "wal_compression: postgres.lz4" in beside
    assert "\nwal_compression = lz4" in both(app, *TWO_GB, "--lz4", "--format", "conf")[0]
    without, beside = both(app, *TWO_GB, "--no-lz4", "--format", "conf")
    assert "wal_compression" not in without + beside


def test_a_server_larger_than_the_guides_uses_its_memory(app: typer.Typer, tmp_path: Path) -> None:
    words = ["tune", "postgres", "--memory", "128GB", "--cpus", "32", "--pg-version", "16", "--format", "json"]
    data = json.loads(said(app, *words))
    found = {one["name"]: one["value"] for one in data["settings"]}
    assert found["shared_buffers"] == 32 * GB
    assert found["maintenance_work_mem"] == 8 * GB
    assert found["work_mem"] > 64 << 20
    assert (found["max_worker_processes"], found["max_parallel_workers"]) == (32, 16)
    assert data["total"] > 0.95 * data["allowed"]
    chosen = {one["subject"]: one for one in data["findings"] if one["rule"] == "postgres.larger_hosts"}
    assert "is 8,192 MB in the guide" in chosen["shared_buffers"]["sentence"]
    assert "32,768 MB for 131,072 MB and 32 cores, which is used" in chosen["shared_buffers"]["sentence"]
    guide = tmp_path / "policy.yml"
    guide.write_text("postgres: {larger_hosts: {stated: guide}}\n")
    kept = {one["name"]: one["value"] for one in json.loads(said(app, *words, "--policy", str(guide)))["settings"]}
    assert (kept["shared_buffers"], kept["work_mem"], kept["max_parallel_workers"]) == (8 * GB, 16 << 20, 4)


def test_reasons_say_what_limits(app: typer.Typer) -> None:
    words = ["tune", "postgres", "--memory", "32GB", "--cpus", "32", "--pg-version", "16", "--format", "json"]
    why = {one["name"]: one["why"] for one in json.loads(said(app, *words))["settings"]}
    assert why["max_parallel_workers"] == "the guide's; more of them would take memory from connections"


def test_what_hashes_may_take_is_counted(app: typer.Typer) -> None:
    """A hash takes twice work_mem since version 15, so that 50 connections would not fit into 2 GB."""
    data = json.loads(said(app, *TWO_GB, "--format", "json"))
    found = {one["name"]: one["value"] for one in data["settings"]}
    assert (found["work_mem"], found["hash_mem_multiplier"]) == (16 << 20, 1.0)
    roomy = json.loads(said(app, *TWO_GB[:3], "8GB", *TWO_GB[4:], "--format", "json"))
    parts = {one["name"]: one["each"] * one["count"] for one in roomy["budget"]}
    assert parts["hashes beyond work_mem"] == 52 * 16 << 20
    assert "hash_mem_multiplier" not in {one["name"] for one in roomy["settings"]}


def test_a_budget_that_does_not_fit_is_printed_and_refused(app: typer.Typer) -> None:
    error, text = failed(app, "budget", "connections", "--api", "10", "--workers", "15")
    assert isinstance(error, RefusedError)
    assert (error.rule, error.exit_code) == ("X-13", 3)
    assert "263" in text
    assert "at most 5 API instances" in text
    assert "800" in text
    assert "at most 6 API instances" in failed(app, *BUDGET, "--api", "10", "--workers", "15", "--surge", "0")[1]


def test_a_budget_and_a_scaling_give_one_answer_with_the_surge_named(app: typer.Typer) -> None:
    """6 API instances and 15 workers fit at rest (183), and not while one of them is replaced (203)."""
    error, text = failed(app, *BUDGET, "--api", "6", "--workers", "15")
    sentence = "(6 API + 1 while one is replaced) x 20 + 15 workers x 4 + 3 reserved = 203 of 200 connections"
    assert sentence in " ".join(text.split())
    assert sentence in str(error)
    api, worker = service("api", 5), service("worker", 15)
    room = Room([api, worker], [HostSize("app1", 64, 256 * GB)], default_policy())
    granted, reasons = room.take(api, 6)
    assert granted == 5
    assert sentence in reasons[0]
    assert "183" in said(app, *BUDGET, "--api", "6", "--workers", "15", "--surge", "0")


@pytest.mark.parametrize("more", [["--pooled"], ["--override", "X-13"], ["--max-connections", "400"]])
def test_a_pooler_or_an_override_or_more_connections_let_it_pass(app: typer.Typer, more: list[str]) -> None:
    text = said(app, "budget", "connections", "--api", "10", "--workers", "15", *more)
    assert "263" in text


def test_json_of_a_pooled_budget_has_the_pools(app: typer.Typer) -> None:
    words = ["budget", "connections", "--api", "10", "--workers", "15", "--pooled", "--surge", "1"]
    plan = json.loads(said(app, *words, "--format", "json"))
    assert plan["fits"] is True
    assert plan["pools"]["max_client_conn"] == 340
    assert plan["rolling"]["wanted"] == 283
