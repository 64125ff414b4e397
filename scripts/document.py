"""Write docs/commands.md from the command line itself and from the models that its JSON answers are."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import typer

from selextract_infra.cli import build

TARGET = Path(__file__).parent.parent / "docs" / "commands.md"
ANSWERS = {
    "apply": "selextract_infra.model.run:Run",
    "assess": "selextract_infra.model.assessment:Assessment",
    "budget connections": "selextract_infra.model.tuning:ConnectionPlan",
    "cost": "selextract_infra.model.planning:CostReport",
    "doctor": "selextract_infra.model.diagnosis:Diagnosis",
    "forecast": "selextract_infra.model.forecast:Forecast",
    "growth": "selextract_infra.model.planning:GrowthReport",
    "lab load": "selextract_infra.lab.load.result:LoadResult",
    "lab status": "selextract_infra.lab.state:LabStatus",
    "loadtest": "selextract_infra.model.loadtest:LoadTestReport",
    "observe": "selextract_infra.model.observation:Observation",
    "resume": "selextract_infra.model.run:Run",
    "rightsize": "selextract_infra.model.plan:Plan",
    "roadmap": "selextract_infra.model.planning:RoadmapReport",
    "run-due": "selextract_infra.model.queue:QueuedPlan",
    "schedule show": "selextract_infra.model.queue:QueuedPlan",
    "rollback": "selextract_infra.model.run:Run",
    "simulate": "selextract_infra.model.scaling:Simulation",
    "status": "selextract_infra.operations.status.status:Status",
    "upgrade": "selextract_infra.model.plan:Plan",
    "windows check": "selextract_infra.model.window:WindowCheck",
    "windows next": "selextract_infra.model.window:Opening",
}


def page() -> str:
    """The whole page."""
    root: Any = typer.main.get_command(build())
    parts = [
        "# Commands",
        "Written by `scripts/document.py` from the program itself. Every command that answers takes"
        " `--format table|json`; the fields of the JSON are listed below it.",
    ]
    for name, command in sorted(root.commands.items()):
        parts += _command(name, command)
    return "\n\n".join(parts) + "\n"


def _command(name: str, command: Any) -> list[str]:
    if hasattr(command, "commands"):
        inner = [part for sub, one in sorted(command.commands.items()) for part in _command(f"{name} {sub}", one)]
        return [f"## {name}", command.help or "", *inner]
    arguments = " ".join(
        (one.metavar or one.name.upper()) for one in command.params if one.param_type_name == "argument"
    )
    rows = [
        f"| `{', '.join(one.opts + one.secondary_opts)}` | {_cell(one.help or '')} |"
        for one in command.params
        if one.param_type_name == "option" and "--help" not in one.opts
    ]
    parts = [f"## {name}", _cell(command.help or ""), f"    selextract-infra {name} {arguments}".rstrip()]
    if rows:
        parts.append("\n".join(["| option | meaning |", "|---|---|", *rows]))
    return [*parts, *_answer(name)]


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
        return " or ".join(_type(one) for one in value["anyOf"])
    if value.get("type") == "array":
        return f"list of {_type(value.get('items', {}))}"
    return str(value.get("format") or value.get("type") or "any")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(0 if TARGET.read_text(encoding="utf-8") == page() else "docs/commands.md is out of date")
    TARGET.write_text(page(), encoding="utf-8")
