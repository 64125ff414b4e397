#!/usr/bin/python
"""Look at a host: facts, containers, Compose projects, history, state."""

from __future__ import annotations

DOCUMENTATION = r"""
module: observe_host
short_description: Look at a host without changing anything
version_added: "0.1.0"
description:
  - Facts of the host, its containers with limits and usage, its Compose projects as their files in force say, what
    the sampler
    has written since, and the state of this collection on the host; all in one task.
  - Never returns an environment, neither of a container nor of a Compose file, but for the variables that
    O(numbers) names, and these only where they are plain numbers.
author: ["selextract-infra contributors"]
options:
  projects:
    description: Compose projects that are looked at even when they have no container.
    type: list
    elements: dict
    default: []
    suboptions:
      name: {description: Name of the project., type: str, required: true}
      directory: {description: The folder its Compose files are in., type: path}
  databases:
    description: Database services; the first of them that runs here is asked through its own psql.
    type: list
    elements: dict
    default: []
    suboptions:
      project: {description: Name of the Compose project., type: str, required: true}
      service: {description: Name of the service., type: str, required: true}
      superuser: {description: A role that may log in over the local socket., type: str, default: postgres}
      socket: {description: The folder of the socket in the container; by default psql's own., type: path}
  postgres_settings:
    description: Names of the parameters of Postgres that are wanted.
    type: list
    elements: str
    default: []
  numbers:
    description: By service, names of environment variables that hold counts and sizes.
    type: dict
    default: {}
  services:
    description: By role, names of services whose programs are asked about themselves where there is a look for it.
    type: dict
    default: {}
  traffic:
    description:
      - Lengths in seconds as C(windows); where they are mapped C(nginx) with C(project), C(service), C(folder) and
        C(api), and C(redis) with C(project), C(service) and C(tasks), a list with C(service), C(queues), C(system),
        C(database) and C(prefix) of each worker service.
    type: dict
    default: {}
  cursors:
    description:
      - By machine-id, the start of the newest bucket that is known already, in Unix seconds. A host that is not
        named sends its whole history.
    type: dict
    default: {}
  history_window:
    description: How many seconds of history are wanted at most; 0 wants none.
    type: int
    default: 604800
  data_folder:
    description: Where the volume of the app's data is mounted; without it that is the disk Docker is on.
    type: path
extends_documentation_fragment:
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Does the same; nothing is changed., support: full}
"""

EXAMPLES = r"""
- name: Observe the host
  selextract.infra.observe_host:
    projects:
      - name: selextract
        directory: /opt/selextract
  register: seen
"""

RETURN = r"""
observation:
  description: What was seen, as the type HostObservation of selextract_infra without its name and with an empty
    history.
  type: dict
  returned: always
history_packed:
  description:
    - The sampler's lines since, joined, compressed by zlib and written in base64; none when there are none.
    - Each line is a JSON list of bucket start, container, project, service, mean and peak CPU (cores), highest
      working set (bytes),
      lowest active file cache (bytes), OOM kills, restarts, samples, and the memory limit (bytes, 0 where there was
        none).
  type: str
  returned: always
history_until: {description: Start of the newest bucket in RV(history_packed)., type: int, returned: always}
"""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.compose.attachment_look import with_attachments
from ..module_utils.compose.compose import compose_version
from ..module_utils.compose.projects import observe_projects
from ..module_utils.docker.cgroup import ControlGroup, Reading, find_control_group
from ..module_utils.docker.containers import Container, find_containers, numbers_of, pool_of_process
from ..module_utils.docker.data_store import proxy_of_process, store_of_process
from ..module_utils.docker.engine import Engine
from ..module_utils.docker.singleton import singleton_of_process
from ..module_utils.haproxy.traffic import look_at_traffic
from ..module_utils.module import run
from ..module_utils.postgres.look import look_at_postgres
from ..module_utils.state.lock import lock_seen
from ..module_utils.state.looks import look_at_programs
from ..module_utils.state.options import DOCKER, STATE
from ..module_utils.state.preemption import asked
from ..module_utils.state.project_state import AUTOSCALER, ProjectState, known_projects
from ..module_utils.state.put_back import unresolved_runs
from ..module_utils.state.runs import ended_runs, unfinished_runs, without_tokens
from ..module_utils.state.state import StateFolder
from ..module_utils.system.facts import host_facts
from ..module_utils.system.failure import HostSideError
from ..module_utils.system.samples import packed_since, sampler_status

_AT_ONCE = 4
_ELSEWHERE = ".closed"  # nothing is there: what is root's alone is as if nothing were kept
_SHORTEST_USAGE = 0.2  # seconds between the two looks that CPU usage is computed from


def main() -> None:
    run(
        _observe,
        {
            "projects": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {"name": {"type": "str", "required": True}, "directory": {"type": "path"}},
            },
            "databases": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "project": {"type": "str", "required": True},
                    "service": {"type": "str", "required": True},
                    "superuser": {"type": "str", "default": "postgres"},
                    "socket": {"type": "path"},
                },
            },
            "postgres_settings": {"type": "list", "elements": "str", "default": []},
            "numbers": {"type": "dict", "default": {}},
            "services": {"type": "dict", "default": {}},
            "traffic": {"type": "dict", "default": {}},
            "cursors": {"type": "dict", "default": {}},
            "history_window": {"type": "int", "default": 604800},
            "data_folder": {"type": "path"},
            **DOCKER,
            **STATE,
        },
    )


def _observe(module: AnsibleModule) -> dict[str, Any]:
    given = dict(module.params)
    closed = _is_closed(given["state_folder"])
    if closed:
        given["state_folder"] += _ELSEWHERE
    samples = os.path.join(given["state_folder"], "samples")
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        version = pool.submit(compose_version)
        observation = _with_docker(given["docker_socket"], given, pool)
        observation["facts"]["compose"] = version.result()
    observation["sampler"] = sampler_status(samples)
    observation["history"] = []
    observation["state"] = _state(StateFolder(given["state_folder"]), given["docker_socket"], given["projects"])
    observation["state"].update({"closed": True} if closed else {})
    window = given["history_window"]
    known = int(given["cursors"].get(observation["facts"]["machine_id"]) or 0)
    packed, until = packed_since(samples, max(known, int(time.time()) - window)) if window else (None, None)
    return {"changed": False, "observation": observation, "history_packed": packed, "history_until": until}


def _is_closed(folder: str) -> bool:
    """Whether what is kept here is there, and not for this user to read: a member of Docker's group only looks."""
    return os.path.isdir(folder) and not os.access(folder, os.R_OK | os.X_OK)


def _with_docker(socket_path: str, given: dict[str, Any], pool: ThreadPoolExecutor) -> dict[str, Any]:
    """Facts, containers, projects, Postgres; only facts and the problem where Docker does not answer.

    What asks other programs, and mostly waits for them, is asked at the same time.
    """
    try:
        with Engine(socket_path) as engine:
            containers = find_containers(engine, socket_path)
            groups = {container.id: find_control_group(container.pid) for container in containers if container.running}
            first, began = _read(groups), time.monotonic()
            projects = pool.submit(_projects, given, containers)
            info = engine.info()
            numbers = _numbers(engine, containers, given["numbers"])
            time.sleep(max(0.0, began + _SHORTEST_USAGE - time.monotonic()))
            # Before anything of ours runs inside of a container: `redis-cli` and `psql` count as its use.
            second, seconds = _read(groups), time.monotonic() - began
            postgres = pool.submit(_postgres, socket_path, containers, given)
            programs = pool.submit(_programs, socket_path, containers, given)
            state = StateFolder(given["state_folder"])
            traffic = look_at_traffic(engine, socket_path, state, containers, given["traffic"], given["databases"])
            defined, current = projects.result()
            answers = {"projects": defined, "postgres": postgres.result(), "programs": programs.result()}
    except HostSideError as failure:
        if failure.kind != "docker":
            raise
        return {
            "facts": {**host_facts(data_folder=given["data_folder"]), "docker": None},
            "containers": [],
            "projects": [],
            "problem": failure.sentence,
        }
    facts = host_facts(info.get("DockerRootDir") or "/var/lib/docker", given["data_folder"])
    return {
        "facts": {**facts, "docker": info.get("ServerVersion")},
        "containers": [
            {
                **_container(container, first.get(container.id), second.get(container.id), seconds),
                "numbers": numbers.get(container.id, {}),
                "current": current.get(container.id),
            }
            for container in containers
        ],
        **answers,
        "traffic": traffic,
        "problem": None,
    }


def _projects(
    given: dict[str, Any], containers: list[Container]
) -> tuple[list[dict[str, Any]], dict[str, bool | None]]:
    projects, current = observe_projects(containers, given["projects"])
    folder = StateFolder(given["state_folder"])
    return with_attachments(folder, given["docker_socket"], projects, containers), current


def _postgres(socket_path: str, containers: list[Container], given: dict[str, Any]) -> Any:
    with Engine(socket_path) as engine:
        return look_at_postgres(engine, containers, given["databases"], given["postgres_settings"])


def _programs(socket_path: str, containers: list[Container], given: dict[str, Any]) -> dict[str, dict[str, Any]]:
    projects = [project["name"] for project in given["projects"]]
    with Engine(socket_path) as engine:
        return look_at_programs(engine, containers, projects, given["services"])


def _numbers(engine: Engine, containers: list[Container], wanted: dict[str, list[str]]) -> dict[str, dict[str, float]]:
    asked = [container for container in containers if container.service in wanted]
    return {
        container.id: numbers_of(engine.inspect(container.id) or {}, wanted[str(container.service)])
        for container in asked
    }


def _read(groups: dict[str, ControlGroup | None]) -> dict[str, Reading | None]:
    return {name: group.read() if group else None for name, group in groups.items()}


def _container(container: Container, first: Reading | None, second: Reading | None, seconds: float) -> dict[str, Any]:
    used = max(0.0, second.cpu_seconds - first.cpu_seconds) / seconds if first and second else None
    return {
        "name": container.name,
        "id": container.id,
        "image": container.image,
        "project": container.project,
        "service": container.service,
        "number": container.number,
        "state": container.state,
        "health": container.health,
        "started_at": container.started_at,
        "restarts": container.restarts,
        "oom_killed": container.oom_killed,
        "limits": {"cpus": container.cpus, "memory": container.memory, "swap": container.swap},
        "memory_reservation": container.memory_reservation,
        "usage": {
            "cpus": None if used is None else round(used, 4),
            "memory": second.memory if second else None,
            "page_cache": second.page_cache if second else None,
        },
        "config_files": list(container.config_files),
        "joined": list(container.joined),
        "stop_grace_seconds": container.stop_grace,
        "store": store_of_process(container.pid) if container.running else None,
        "proxy": proxy_of_process(container.pid) if container.running else None,
        "singleton": singleton_of_process(container.pid) if container.running else None,
        "worker_pool": container.worker_pool or (pool_of_process(container.pid) if container.running else None),
    }


def _state(folder: StateFolder, socket_path: str, mapped: list[dict[str, Any]]) -> dict[str, Any]:
    """What is noted of the host, and what the autoscaler remembers of the mapped Project."""
    return {
        "lock": lock_seen(folder, time.time()),
        "freeze": folder.read("freeze.json"),
        "preempt": asked(folder, time.time()),
        "unfinished": [without_tokens(record) for record in unfinished_runs(folder)],
        "ended": ended_runs(folder),
        "failed_rollbacks": unresolved_runs(folder, socket_path),
        "emergency": folder.read("emergency.json"),
        "projects": known_projects(folder),
        "autoscaler": ProjectState(folder, mapped[0]["name"]).read(AUTOSCALER) if mapped else None,
    }


if __name__ == "__main__":
    main()
