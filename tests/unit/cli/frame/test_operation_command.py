"""An operation's command is made of its manifest: what is typed becomes its request, what it means is its help."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from selextract_infra.cli import build
from selextract_infra.cli.frame.operation_command import effects_in_words
from selextract_infra.cli.frame.options import FleetOptions, WholeFleetOptions
from selextract_infra.cli.frame.request_options import options_of, subcommands_of
from selextract_infra.errors import CancelledError, SelextractError, UnitError, UsageError
from selextract_infra.flow import planning
from selextract_infra.flow.catalogue import OPERATIONS
from selextract_infra.flow.manifest import manifest_named
from selextract_infra.operations.balancer import command as balancer_command
from selextract_infra.operations.replicas import command as replicas_command
from selextract_infra.policy import default_policy
from tests.unit.seen import GB

COMMANDS = [*(set(OPERATIONS) - {"emergency", "pgbouncer"}), "pgbouncer on", "pgbouncer off", "emergency run"]


def run(*words: str) -> Result:
    return CliRunner().invoke(build(words[0]), list(words), env={"COLUMNS": "80"})


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What operations are asked to plan, each with its request, on hosts that nobody looks at."""
    asked: list[tuple[str, dict[str, Any]]] = []

    @contextmanager
    def context(_options: object, _within: float | None = None) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(policy=default_policy())

    def plan(_context: object, operation: Any, request: Any, **_more: object) -> None:
        asked.append((operation.name, request.model_dump(mode="json", exclude_defaults=True)))
        raise CancelledError("Asked, and that is all.")

    monkeypatch.setattr(FleetOptions, "context", context)
    monkeypatch.setattr(WholeFleetOptions, "context", context)
    monkeypatch.setattr(planning, "plan_operation", plan)
    return asked


@pytest.mark.parametrize(("typed", "name", "request_values"), [
    ("rightsize", "rightsize", {}),
    ("rightsize --service api --memory 1.5GB --cpus 2 --settle --override X-12", "rightsize",
     {"service": "api", "memory": 3 * GB // 2, "cpus": 2.0, "settle": True, "overrides": ["X-12"]}),
    ("scale api=4 worker=6", "scale", {"wanted": {"api": 4, "worker": 6}}),
    ("balancer on", "balancer", {"on": True}),
    ("balancer off --apply", "balancer", {"on": False}),
    ("pgbouncer on --restart", "pgbouncer", {"replace": True}),
    ("pgbouncer off", "pgbouncer", {"switch": "off"}),
    ("replicas --count 2 --on db2 --on db3 --again db2", "replicas",
     {"count": 2, "on": ["db2", "db3"], "again": ["db2"]}),
    ("replicas --apply", "replicas", {}),
    ("restart postgres --all", "restart postgres", {"everything": True}),
    ("tune postgres --shared-buffers 2GB", "tune postgres", {"shared_buffers": 2 * GB}),
    ("tune workers --service api --task 25s --longest-task 1min --visibility-timeout 1h --requests 9", "tune workers",
     {"service": "api", "task_seconds": 25.0, "longest_task": 60.0, "visibility_timeout": 3600.0,
      "requests_per_second": 9.0}),
    ("upgrade VP1 --to 64GB --mode live --provider docker", "upgrade",
     {"phase": "memory", "target": 64.0 * GB, "mode": "live", "provider": "docker"}),
    ("upgrade storage --to 2TB", "upgrade", {"phase": "storage", "target": 2e12}),
])  # fmt: skip
def test_what_is_typed_is_what_the_operation_is_asked(
    planned: list[tuple[str, dict[str, Any]]], typed: str, name: str, request_values: dict[str, Any]
) -> None:
    ended = run(*typed.split())
    assert isinstance(ended.exception, CancelledError), ended.output
    assert planned == [(name, request_values)]


@pytest.mark.parametrize(("typed", "kind", "remedy"), [
    ("rightsize --memory 1GB", UsageError, "say --service"),
    ("rightsize --cpus 2", UsageError, "say --service"),
    ("tune workers --memory 3GB --cpus 2 --api-memory 2GB", UsageError, "say --api-cpus"),
    ("tune postgres --memory 2GB --cpus 2 --pg-version 16 --apply", UsageError, "leave --apply or --memory"),
    ("rightsize --service api --memory 1024", UnitError, None),
    ("upgrade memory --to 64", UnitError, None),
])  # fmt: skip
def test_what_cannot_be_meant_is_refused_and_nothing_is_planned(
    planned: list[tuple[str, dict[str, Any]]], typed: str, kind: type[SelextractError], remedy: str | None
) -> None:
    ended = run(*typed.split())
    assert isinstance(ended.exception, kind), ended.output
    assert remedy is None or ended.exception.remedy == remedy
    assert planned == []


@pytest.mark.parametrize("words", ["upgrade memory --mode sometimes", "balancer sideways", "scale", "upgrade"])
def test_a_word_that_is_none_of_the_choices_is_a_wrong_call(words: str) -> None:
    assert run(*words.split()).exit_code == 2


@pytest.mark.parametrize(("typed", "module"), [
    ("balancer status", balancer_command), ("replicas", replicas_command), ("replicas --on db2", replicas_command),
])  # fmt: skip
@pytest.mark.usefixtures("planned")
def test_how_it_stands_is_shown_where_no_change_is_asked(
    monkeypatch: pytest.MonkeyPatch, typed: str, module: Any
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(module, "status", lambda _context, form: shown.append(form))
    assert run(*typed.split(), "--format", "json").exit_code == 0
    assert shown == ["json"]


@pytest.mark.parametrize("name", sorted(set(OPERATIONS) - {"emergency"}))
def test_every_field_of_a_request_can_be_typed(name: str) -> None:
    manifest = manifest_named(name)
    typed = {option.name for word in subcommands_of(manifest) or [""] for option in options_of(manifest, word)}
    asked_otherwise = {"hosts", "switch"}  # by --limit, and by the subcommand
    assert set(manifest.request.model_fields) <= typed | asked_otherwise


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_says_what_it_means_for_a_host_and_its_users(name: str) -> None:
    operation = next(operation for operation in OPERATIONS if f"{name} ".startswith(f"{operation} "))
    ended = run(*name.split(), "--help")
    assert max(len(line) for line in ended.stdout.splitlines()) <= 80
    text = " ".join(ended.stdout.split())
    for title, words in effects_in_words(manifest_named(operation).effects).items():
        assert f"{title}: {words}" in text


def test_all_operations_are_listed_without_one_being_loaded() -> None:
    code = (
        "import sys, json\n"
        "sys.argv = ['selextract-infra', '--help']\n"
        "from selextract_infra.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('\\n' + json.dumps([name for name in sys.modules if '.operation' in name.replace('.operations', '')]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout.splitlines()[-1]) == []
    assert all(f" {name.split()[0]} " in done.stdout for name in OPERATIONS)


def test_a_word_after_two_dashes_is_carried_out_as_well(planned: list[tuple[str, dict[str, Any]]]) -> None:
    ended = CliRunner().invoke(build(), ["--", "rightsize"])
    assert isinstance(ended.exception, CancelledError)
    assert planned == [("rightsize", {})]
