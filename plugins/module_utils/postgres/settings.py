"""Settings of a Postgres server in a container: put into force, put back, taken away."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import Any

from ..compose.capacity_keys import taken_back
from ..docker.containers import Container, find_containers
from ..docker.engine import Engine
from ..docker.instances import found_instances
from ..pgbouncer.pausing import transactions_held_back
from ..state.act import Act, Work, by_state
from ..state.lock import held_run
from ..state.options import DOCKER, STATE, STEP_IF_PRESENT
from ..state.project_state import POSTGRES, ProjectState, known_projects
from ..state.run_keys import conf_keys, with_conf_keys
from ..state.state import StateFolder
from ..state.undoing import Undoing
from ..system.amounts import memory
from ..system.failure import HostSideError
from .configuration import (
    FILE,
    Configuration,
    configuration_of,
    differing,
    reload,
    settings_in_force,
    wait_for_settings,
)
from .look import database_container
from .psql import PostgresServer, server_in
from .restart import answering, restart_server

__all__ = ["POSTGRES_SETTINGS", "put_settings_back", "settings_text", "undo_settings"]

_PENDING = """
SELECT name FROM pg_settings
WHERE pending_restart AND source <> ALL ('{command line,environment variable,override}') ORDER BY name
"""


def _settle(work: Work) -> dict[str, Any]:
    given = work.params
    with Engine(given["docker_socket"]) as engine:
        container = _container(engine, given)
        server = server_in(container, superuser=given["superuser"], socket=given["socket"])
        files = configuration_of(engine, server)
        before = files.text
        in_force = settings_in_force(server, list(given["settings"]))
        different = differing(in_force, given["settings"])
        changed = bool(different) or before != given["text"] or (files.owned and not files.included)
        seconds = 0.0
        if changed and not work.check_mode:
            with ExitStack() as pause:
                if given["restart"]:
                    server.execute("CHECKPOINT;", bound=given["bound_seconds"])  # so that the pause is short
                    folder = StateFolder(given["state_folder"])
                    pause.enter_context(transactions_held_back(folder, given["docker_socket"], given["project"]))
                server, seconds = _carry_out(engine, container, server, files, given, in_force)
        return {
            "changed": changed,
            "different": different,
            "restarted": seconds > 0,
            "seconds": round(seconds, 2),
            "pending_restart": [row["name"] for row in server.rows(_PENDING)],
            "diff": {"before_header": FILE, "after_header": FILE, "before": before or "", "after": given["text"]},
        }


def _carry_out(
    engine: Engine,
    container: Container,
    server: PostgresServer,
    files: Configuration,
    given: dict[str, Any],
    in_force: dict[str, dict[str, Any]],
) -> tuple[PostgresServer, float]:
    """Note the way back, then write, reload or restart, and check; what fails is put back at once."""
    folder = StateFolder(given["state_folder"])
    record = held_run(folder, given["run_id"])
    record.start_step_once(given["step_id"], time.time())
    record.note_inverse(given["step_id"], "postgres_settings", _inverse(given, files, in_force))
    record.note_left(given["step_id"], "postgres_settings", {"text": given["text"]})
    inverse = record.step(given["step_id"])["inverse"]["postgres_settings"]
    remember(folder, inverse)
    try:
        files.write(given["text"])
        if files.owned and not files.included:
            files.include()
        reload(server)
        seconds = 0.0
        if given["restart"]:
            wait_for_settings(server, given["settings"], before_restart=True)
            reached = {"superuser": given["superuser"], "socket": given["socket"], "bound": given["bound_seconds"]}
            server, seconds = restart_server(engine, container, **reached)
        wait_for_settings(server, given["settings"])
    except HostSideError as failure:
        record.end_step(given["step_id"], "failed", time.time(), failure.sentence)
        put_settings_back(engine, given["docker_socket"], inverse)
        raise HostSideError(f"{failure.sentence} Its settings of before are in force.", kind="gate") from failure
    return server, seconds


def _inverse(given: dict[str, Any], files: Configuration, in_force: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """All that is needed to be as before, also where the server does not run then."""
    return {
        "project": given["project"],
        "service": given["service"],
        "superuser": given["superuser"],
        "socket": given["socket"],
        "bound": given["bound_seconds"],
        "data_directory": files.data_directory,
        "config_file": files.config_file,
        "text": files.text,
        "included_by_us": files.owned and not files.included,
        "settings": {
            name: str(setting["value"]) for name, setting in in_force.items() if not setting["pending_restart"]
        },
    }


def _container(engine: Engine, given: dict[str, Any]) -> Container:
    containers = find_containers(engine, given["docker_socket"], given["project"])
    container = database_container(containers, given["project"], given["service"])
    if container is None:
        raise HostSideError(
            f"Service {given['service']} of project {given['project']} does not run here.",
            kind="refused",
            rule="mapping",
        )
    if container.memory is not None and container.memory < given["memory"]:
        raise HostSideError(
            f"{container.name} has {memory(container.memory)}, and the settings were made for"
            f" {memory(given['memory'])}; nothing was touched.",
            kind="refused",
            rule="X-01",
        )
    return container


def _take_away(work: Work) -> dict[str, Any]:
    given = work.params
    folder = StateFolder(given["state_folder"])
    with Engine(given["docker_socket"]) as engine:
        removed_from = [
            server["service"]
            for server in remembered(folder, given["project"])
            if _take_ours_away(engine, given["docker_socket"], server, check=work.check_mode)
        ]
    return {"changed": bool(removed_from), "removed_from": removed_from}


def undo_settings(undoing: Undoing, inverse: dict[str, Any]) -> None:
    """Put back what ``postgres_settings`` noted before it changed anything."""
    with Engine(undoing.socket_path) as engine:
        wanted = _wanted(engine, undoing, inverse)
        if undoing.check or put_settings_back(engine, undoing.socket_path, wanted):
            undoing.done.append(f"The settings of {inverse['service']} are as before.")


def settings_text(engine: Engine, socket_path: str, inverse: dict[str, Any]) -> str | None:
    """Our file of that server as it is now, None where there is none."""
    details = engine.inspect(_container_of(engine, socket_path, inverse).id) or {}
    return Configuration(details, inverse["data_directory"], inverse["config_file"]).text


def _wanted(engine: Engine, undoing: Undoing, inverse: dict[str, Any]) -> dict[str, Any]:
    """The inverse with what other Runs have set in the file since; version 0.1 did not note what it left."""
    left = undoing.left.get("postgres_settings")
    if left is None:
        return inverse
    present = settings_text(engine, undoing.socket_path, inverse)
    before, set_by_it = conf_keys(inverse["text"]), conf_keys(left["text"])
    keys = taken_back(before, set_by_it, conf_keys(present))
    if keys == before:
        return inverse
    own = {key[0] for key in {*before, *set_by_it} if before.get(key) != set_by_it.get(key)}
    settings = {name: value for name, value in inverse["settings"].items() if name in own}
    text = with_conf_keys(present or "", keys)
    return {**inverse, "text": text, "included_by_us": False, "settings": settings}


def put_settings_back(engine: Engine, socket_path: str, inverse: dict[str, Any]) -> bool:
    """Write the file of before and make the server use it; whether anything had to be done.

    It is reloaded, started where it does not run, and restarted where a value of before takes that.
    """
    container = _container_of(engine, socket_path, inverse)
    details = engine.inspect(container.id) or {}
    files = Configuration(details, inverse["data_directory"], inverse["config_file"])
    changed = _write_back(files, inverse)
    reached = {"superuser": inverse["superuser"], "socket": inverse["socket"], "bound": float(inverse["bound"])}
    since = time.time()
    if not container.running or details["State"].get("Restarting"):
        engine.restart(container.id, container.stop_grace)
        changed = True
    server = answering(engine, container.id, **reached, since=since)
    if changed:
        reload(server)
    if changed and _waits_for_restart(server, inverse["settings"]):
        server, _ = restart_server(engine, Container.parse(engine.inspect(container.id) or {}), **reached)
        wait_for_settings(server, inverse["settings"])
    return changed


def _waits_for_restart(server: PostgresServer, wanted: dict[str, str]) -> bool:
    """Whether a value of before takes a restart."""
    try:
        wait_for_settings(server, wanted)
    except HostSideError:
        return True
    return False


def remember(folder: StateFolder, server: dict[str, Any]) -> None:
    """Note a server whose settings are ours, so that they can be taken away one day."""
    state = ProjectState(folder, server["project"])
    known = state.read(POSTGRES) or {"format": 1, "servers": {}}
    place = ("project", "service", "data_directory", "config_file")
    known["servers"][f"{server['project']}/{server['service']}"] = {name: server[name] for name in place}
    state.write(POSTGRES, known)


def remembered(folder: StateFolder, project: str | None = None) -> list[dict[str, Any]]:
    """The servers whose settings are ours, of one Project or of all."""
    names = known_projects(folder) if project is None else [project]
    kept = [ProjectState(folder, name).read(POSTGRES) or {} for name in names]
    return [server for servers in kept for server in servers.get("servers", {}).values()]


def _take_ours_away(engine: Engine, socket_path: str, server: dict[str, Any], *, check: bool) -> bool:
    """Take our file and the line that includes it away; whether any was there. The server is left as it runs.

    Nothing is there any more where the container is gone.
    """
    own = found_instances(engine, socket_path, server["project"], server["service"])
    if not own:
        return False
    files = Configuration(engine.inspect(own[0].id) or {}, server["data_directory"], server["config_file"])
    present = files.text is not None or files.included
    if present and not check:
        files.exclude()
        files.write(None)
    return present


def _container_of(engine: Engine, socket_path: str, inverse: dict[str, Any]) -> Container:
    own = found_instances(engine, socket_path, inverse["project"], inverse["service"])
    if not own:
        raise HostSideError(f"{inverse['service']} has no container, so nothing was put back.", kind="restore")
    return own[0]


def _write_back(files: Configuration, inverse: dict[str, Any]) -> bool:
    changed = False
    files.clear_unfinished()
    if files.text != inverse["text"]:
        files.write(inverse["text"])
        changed = True
    if inverse["included_by_us"] and files.included:
        files.exclude()
        changed = True
    return changed


POSTGRES_SETTINGS = Act(
    "postgres_settings",
    {
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "project": {"type": "str"},
        "service": {"type": "str"},
        "superuser": {"type": "str", "default": "postgres"},
        "socket": {"type": "path"},
        "text": {"type": "str"},
        "settings": {"type": "dict"},
        "memory": {"type": "int"},
        "restart": {"type": "bool", "default": False},
        "bound_seconds": {"type": "float", "default": 60},
        **STEP_IF_PRESENT,
        **DOCKER,
        **STATE,
    },
    by_state(present=_settle, absent=_take_away),
    rules={
        "required_if": [
            ("state", "present", ["project", "service", "text", "settings", "memory", "run_id", "step_id"]),
        ]
    },
)
