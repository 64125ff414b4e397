"""Put the settings of a Postgres server back, and see to it that it runs with them."""

from __future__ import annotations

import time
from typing import Any

from ..compose.capacity_keys import taken_back
from ..docker.containers import Container, find_containers
from ..docker.engine import Engine
from ..state.project_state import POSTGRES, ProjectState, known_projects
from ..state.run_keys import conf_keys, with_conf_keys
from ..state.state import StateFolder
from ..state.undoing import Undoing
from ..system.failure import HostSideError
from .configuration import Configuration, reload, wait_for_settings
from .psql import Server
from .restart import answering, restart_server

__all__ = ["put_settings_back", "remember", "remembered", "restore_settings", "settings_text", "take_away"]


def restore_settings(undoing: Undoing, inverse: dict[str, Any]) -> None:
    """Put back what ``postgres_settings`` noted before it changed anything."""
    with Engine(undoing.socket_path) as engine:
        wanted = _wanted(engine, undoing, inverse)
        if undoing.check or put_settings_back(engine, undoing.socket_path, wanted):
            undoing.done.append(f"The settings of {inverse['service']} are as before.")


def settings_text(engine: Engine, socket_path: str, inverse: dict[str, Any]) -> str | None:
    """Our file of that server as it is now, None where there is none."""
    details = engine.inspect(_container(engine, socket_path, inverse).id) or {}
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
    container = _container(engine, socket_path, inverse)
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


def _waits_for_restart(server: Server, wanted: dict[str, str]) -> bool:
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


def take_away(engine: Engine, socket_path: str, server: dict[str, Any], *, check: bool) -> bool:
    """Take our file and the line that includes it away; whether any was there. The server is left as it runs.

    Nothing is there any more where the container is gone.
    """
    own = [one for one in find_containers(engine, socket_path, server["project"]) if one.service == server["service"]]
    if not own:
        return False
    files = Configuration(engine.inspect(own[0].id) or {}, server["data_directory"], server["config_file"])
    found = files.text is not None or files.included
    if found and not check:
        files.exclude()
        files.write(None)
    return found


def _container(engine: Engine, socket_path: str, inverse: dict[str, Any]) -> Container:
    own = [one for one in find_containers(engine, socket_path, inverse["project"]) if one.service == inverse["service"]]
    if not own:
        raise HostSideError(f"{inverse['service']} has no container, so nothing was put back.", kind="restore")
    return own[0]


def _write_back(files: Configuration, inverse: dict[str, Any]) -> bool:
    changed = False
    if files.text != inverse["text"]:
        files.write(inverse["text"])
        changed = True
    if inverse["included_by_us"] and files.included:
        files.exclude()
        changed = True
    return changed
