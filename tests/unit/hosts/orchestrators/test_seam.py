"""Nothing outside its folder knows which orchestrator keeps the instances."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.state.registry import ACTS
from selextract_infra.hosts.orchestrators.compose import ComposeOrchestrator
from selextract_infra.hosts.orchestrators.orchestrator import PlannedAct
from selextract_infra.hosts.steps import acts_of

ROOT = Path(__file__).parents[4]
PACKAGE = ROOT / "selextract_infra"
HERE = "hosts/orchestrators/"

ABOUT_COMPOSE = {
    "errors.py": "the error of a team's Compose file that cannot be read",
    "hosts/inventory_complaint.py": "yaml.compose of PyYAML",
    "hosts/inventory_policy.py": "yaml.compose of PyYAML",
    "hosts/steps/proxies.py": "the file of our own HAProxy, which is a Compose project whatever keeps the app",
    "lab/stack.py": "the lab's app is deployed as its team would",
    "model/capacity.py": "the name of the file that is written beside the app's Compose files",
    "model/observation.py": "the version that a host has is a fact",
    "operations/balancer/plan.py": "the file of our own HAProxy",
    "operations/doctor/checks.py": "whether a host has it, by its own name",
    "operations/init/command.py": "the option that names Compose files",
    "operations/init/compose_files.py": "a team's files as Compose reads them",
    "operations/init/compose_service.py": "a team's files as Compose reads them",
    "operations/init/compose_yaml.py": "a team's files as Compose reads them",
    "operations/init/interpolation.py": "a team's files as Compose reads them",
    "operations/init/signs.py": "a service of a team's files",
    "operations/rightsize/decide.py": "the ID of a rule about the app's files",
    "operations/scaling/decide.py": "the ID of a rule about the app's files",
    "templates/balancer.py": "the file of our own HAProxy",
    "templates/haproxy.py": "the file of our own HAProxy",
    "templates/read_balancer.py": "the file of our own HAProxy",
}
"""Files that name Compose in their code, each with what for; sentences for people may everywhere."""

HOST_SIDE = {
    "modules/describe_host.py": "the look",
    "modules/capacity_file.py": "the act as a module",
    "modules/instances.py": "the act as a module",
    "modules/observe_host.py": "the look",
    "modules/pgbouncer_look.py": "the look",
    "modules/replace_instance.py": "the act as a module",
    "module_utils/haproxy/proxy.py": "a project of our own",
    "module_utils/pgbouncer/pooler.py": "a project of our own",
    "module_utils/replica/project.py": "a project of our own",
    "module_utils/replica/server.py": "a project of our own",
    "module_utils/state/registry.py": "the registry of acts and their undoing",
    "module_utils/state/emergency_begin.py": "the act that an orchestrator has for an emergency",
    "module_utils/docker/health_gate.py": "the act that proves: are instances as the files in force say",
    "module_utils/docker/kept_limits.py": "to come: writes its note in the form of the capacity file",
    "module_utils/nginx/include_files.py": "to come: how a key is taken back is no matter of Compose",
    "module_utils/pgbouncer/look.py": "to come: where the app is led stands in its files",
    "module_utils/pgbouncer/pooled_instances.py": "to come: makes instances anew itself",
    "module_utils/postgres/settings.py": "to come: how a key is taken back is no matter of Compose",
    "module_utils/state/emergency.py": "to come: compares the app's files",
    "module_utils/state/emergency_end.py": "to come: compares the app's files",
    "module_utils/state/host_note.py": "to come: notes the app's files",
    "module_utils/state/later_changes.py": "to come: reads keys of the capacity file",
    "module_utils/state/run_keys.py": "to come: names keys of the capacity file",
}
"""What imports ``module_utils/compose`` from outside, each with what for. Nothing may be added as `to come`."""


class Recorded:
    """An orchestrator whose acts are its verbs."""

    def __getattr__(self, verb: str) -> Any:
        several = verb in ("count", "drain", "written", "rollout")

        def answer(*_: Any, **__: Any) -> Any:
            act = PlannedAct(name=verb, title=verb)
            return (act,) if several else act

        return answer


def words(path: Path) -> Iterator[str]:
    """Every name in its code, and every string of one word."""
    for node in ast.walk(ast.parse(path.read_text())):
        yield from (str(value) for key in ("id", "attr", "name", "arg") if (value := getattr(node, key, None)))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and not re.search(r"\s", node.value):
            yield node.value


def outside(root: Path, folder: str) -> dict[str, Path]:
    """The Python files of a tree that are not in a folder."""
    files = {path.relative_to(root).as_posix(): path for path in root.rglob("*.py")}
    return {name: path for name, path in files.items() if not name.startswith(folder)}


def imported(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return modules | {
        name
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        for name in (node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names))
    }


def test_only_its_folder_imports_an_orchestrator_by_name() -> None:
    others = outside(PACKAGE, HERE)
    by_name = "selextract_infra.hosts.orchestrators.compose"
    assert [name for name, path in others.items() if any(module.startswith(by_name) for module in imported(path))] == []
    assert any(module.startswith(by_name) for module in imported(PACKAGE / HERE / "__init__.py"))


def test_code_that_names_compose_is_about_its_files_and_listed_with_its_reason() -> None:
    naming = {
        name
        for name, path in outside(PACKAGE, HERE).items()
        if any(re.search("compose", word, re.IGNORECASE) for word in words(path))
    }
    assert naming == set(ABOUT_COMPOSE)


STEP: dict[str, Any] = {
    "project": "shop", "directory": "/srv/shop", "service": "api", "nginx": "nginx", "folder": "/srv/nginx.d",
    "files": {}, "compose": "{}", "settings": {}, "health": [], "gate_seconds": 60.0, "services": {"api": {}},
    "counts": {"api": 2}, "count": 2, "targets": [2], "leaving": ["shop-api-2"], "drain_seconds": 70.0,
    "stop_grace": 10.0, "capacity": {"services": {}}, "shrink_margin": 0.1, "switches": [], "edge_folder": "",
    "settle": [{"service": "api", "containers": ["shop-api-1"]}], "expires_at": 1.0, "about": {}, "text": "",
    "memory": 1, "restart": False, "server": {"project": "shop", "service": "postgres", "superuser": "postgres"},
    "on": True, "order": [["api"]], "graces": {}, "steps": ["stop"], "urls": [], "bound_seconds": 60.0,
    "requests": 1, "slower": 1.5, "target_seconds": 1.0,
}  # fmt: skip
INSTANCE_STEPS = [
    *(("rightsize", {}), ("scale", {}), ("carry", {}), ("settle", {}), ("emergency", {}), ("tune_workers", {})),
    *(("balancer", {}), ("tune_postgres", {}), ("restart_postgres", {})),
    *(("upgrade", {"kind": kind}) for kind in ("drain", "stop", "start", "gate")),
]


def by(orchestrator: Any, playbook: str, more: Mapping[str, Any]) -> set[str]:
    return {act.name for act in acts_of(playbook, {**STEP, **more}, orchestrator)}


@pytest.mark.parametrize(("playbook", "more"), INSTANCE_STEPS)
def test_another_orchestrator_changes_every_act_about_instances(playbook: str, more: dict[str, Any]) -> None:
    own = {name for step, values in INSTANCE_STEPS for name in by(ComposeOrchestrator(), step, values)}
    neutral = own & {name for step, values in INSTANCE_STEPS for name in by(Recorded(), step, values)}
    assert by(ComposeOrchestrator(), playbook, more) - neutral, "a step of this list is about instances"
    assert by(Recorded(), playbook, more) <= neutral | set(dir(ComposeOrchestrator))
    assert neutral == {
        "balancer", "balancer_server", "edge_files", "edge_switch", "load_check", "postgres_restart",
        "postgres_settings",
    }  # fmt: skip


def test_every_act_of_compose_is_one_that_hosts_have_registered() -> None:
    names = {name for playbook, more in INSTANCE_STEPS for name in by(ComposeOrchestrator(), playbook, more)}
    assert names <= ACTS.keys()


def test_on_a_host_what_needs_compose_is_listed_with_its_reason() -> None:
    plugins = outside(ROOT / "plugins", "module_utils/compose/")
    needing = {
        name
        for name, path in plugins.items()
        if any(re.match(r"(module_utils\.)?compose(\.|$)", module) for module in imported(path))
    }
    assert needing == set(HOST_SIDE)
