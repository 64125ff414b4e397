"""Write docs/commands.md from the command line itself, the manifests of operations and the models of JSON answers."""

from __future__ import annotations

import importlib
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from selextract_infra.cli import build
from selextract_infra.cli.frame.operation_command import effects_in_words
from selextract_infra.flow.catalogue import OPERATIONS
from selextract_infra.flow.manifest import manifest_named
from selextract_infra.model.figures import duration
from selextract_infra.policy import default_policy

TARGET = Path(__file__).parent.parent / "docs" / "commands.md"
ANSWERS = {
    "apply": "selextract_infra.model.run:Run",
    "assess": "selextract_infra.model.assessment:Assessment",
    "budget connections": "selextract_infra.model.tuning:ConnectionPlan",
    "cost": "selextract_infra.model.planning:CostReport",
    "doctor": "selextract_infra.operations.doctor.diagnosis:Diagnosis",
    "forecast": "selextract_infra.model.forecast:Forecast",
    "growth": "selextract_infra.model.planning:GrowthReport",
    "lab load": "selextract_infra.lab.load.result:LoadResult",
    "lab status": "selextract_infra.lab.state:LabStatus",
    "loadtest": "selextract_infra.model.loadtest:LoadTestReport",
    "observe": "selextract_infra.model.observation:Observation",
    "resume": "selextract_infra.model.run:Run",
    "rightsize": "selextract_infra.model.plan:Plan",
    "roadmap": "selextract_infra.model.planning:RoadmapReport",
    "run-due": "selextract_infra.flow.queue:QueuedPlan",
    "schedule show": "selextract_infra.flow.queue:QueuedPlan",
    "rollback": "selextract_infra.model.run:Run",
    "simulate": "selextract_infra.model.scaling:Simulation",
    "status": "selextract_infra.operations.status.fleet_status:Status",
    "upgrade": "selextract_infra.model.plan:Plan",
    "windows check": "selextract_infra.flow.windows:WindowCheck",
    "windows next": "selextract_infra.flow.windows:Opening",
}


SHARED = {
    "hosts": "Which hosts, under which policy, recorded where",
    "plan": "What becomes of a plan",
    "planning": "What planning and judging rest on",
}
"""Groups of options that commands share, and what each is about."""

GROUPS = {
    **dict.fromkeys(("--inventory", "--limit", "--policy", "--state"), "hosts"),
    **dict.fromkeys(("--out", "--apply", "--yes", "--now", "--fail-on", "--override", "--observation"), "plan"),
    **dict.fromkeys(
        ("--host", "--time-zone", "--today", "--start", "--done", "--all", "--csv", "--journal"), "planning"
    ),
}


def page() -> str:
    """The whole page."""
    root: Any = typer.main.get_command(build())
    commands = list(_leaves(root))
    shared = _shared(commands)
    parts = [
        "# Commands",
        "Written by `scripts/document.py` from the program itself. Every command that answers takes"
        " `--format table|json`; the fields of the JSON are listed below it.",
        "## Options that commands share",
        "Each command names those that it takes; what they mean is said here once.",
    ]
    for group, title in SHARED.items():
        rows = [f"| `{names}` | {meaning} |" for names, meaning in sorted(shared) if _group(names, meaning) == group]
        parts += [f"### {title}", "\n".join(["| option | meaning |", "|---|---|", *rows])]
    for name, command in sorted(root.commands.items()):
        parts += _command(name, command, shared)
    return "\n\n".join(parts) + "\n"


def _leaves(group: Any) -> Iterator[Any]:
    """Every command that does something, those of groups too."""
    for command in group.commands.values():
        yield from _leaves(command) if hasattr(command, "commands") else (command,)


def _options(command: Any) -> list[tuple[str, str]]:
    """The options of a command, each with what it means."""
    return [
        (", ".join(option.opts + option.secondary_opts), _cell(option.help or ""))
        for option in command.params
        if option.param_type_name == "option" and not {"--help", "--format"} & set(option.opts)
    ]


def _name(names: str) -> str:
    return names.partition(",")[0]


def _group(names: str, meaning: str) -> str:
    """The group of a shared option; an inventory that only gives its policy is no choice of hosts."""
    return "planning" if meaning.startswith("Take the policy") else GROUPS[_name(names)]


def _shared(commands: list[Any]) -> set[tuple[str, str]]:
    """The options of a group that several commands have with the same meaning."""
    times = Counter(option for command in commands for option in _options(command))
    return {option for option, number in times.items() if number > 1 and _name(option[0]) in GROUPS}


def _command(name: str, command: Any, shared: set[tuple[str, str]]) -> list[str]:
    if hasattr(command, "commands"):
        inner = [
            part
            for sub, inner_command in sorted(command.commands.items())
            for part in _command(f"{name} {sub}", inner_command, shared)
        ]
        return [f"## {name}", command.help or "", *inner]
    arguments = " ".join(
        (parameter.metavar or parameter.name.upper())
        for parameter in command.params
        if parameter.param_type_name == "argument"
    )
    options = _options(command)
    rows = [f"| `{names}` | {meaning} |" for names, meaning in options if (names, meaning) not in shared]
    common = [f"`{_name(names)}`" for names, meaning in options if (names, meaning) in shared]
    parts = [f"## {name}", _cell(command.help or ""), f"    selextract-infra {name} {arguments}".rstrip()]
    if rows:
        parts.append("\n".join(["| option | meaning |", "|---|---|", *rows]))
    if common:
        parts.append(f"Shared: {', '.join(common)}.")
    return [*parts, *(_effects(name) if command.epilog else []), *_answer(name)]


def _effects(name: str) -> list[str]:
    """What the operation that this command plans means for a host and its users, as its help says too."""
    operation = next(operation for operation in OPERATIONS if f"{name} ".startswith(f"{operation} "))
    effects = manifest_named(operation).effects
    usual = f"{duration(effects.seconds(default_policy()))} by the guide."
    words = {**effects_in_words(effects), "A usual step takes": usual}
    return ["\n".join(f"- {title}: {text}" for title, text in words.items())]


def _answer(name: str) -> list[str]:
    if name not in ANSWERS:
        return []
    module, model = ANSWERS[name].split(":")
    schema = getattr(importlib.import_module(module), model).model_json_schema()
    rows = [f"| `{field}` | {_type(value)} |" for field, value in schema["properties"].items()]
    meaning = " ".join(schema.get("description", "").split())
    return [f"JSON: {model}. {meaning}", "\n".join(["| field | type |", "|---|---|", *rows])]


def _type(value: dict[str, Any]) -> str:
    if "$ref" in value:
        return str(value["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in value:
        return " or ".join(_type(choice) for choice in value["anyOf"])
    if value.get("type") == "array":
        return f"list of {_type(value.get('items', {}))}"
    return str(value.get("format") or value.get("type") or "any")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(0 if TARGET.read_text(encoding="utf-8") == page() else "docs/commands.md is out of date")
    TARGET.write_text(page(), encoding="utf-8")
