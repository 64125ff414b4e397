"""On the lab host: what does not serve, by the ways of users and workers. Asked until all does or the time is over."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import Any

WHAT: dict[str, Any] = json.loads(sys.argv[1])
_INSTANCE = '{{.ID}} {{.Names}} {{.Label "com.docker.compose.oneoff"}}'
_ADDRESSES = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}"


def get(address: str) -> tuple[int, str]:
    """Status and beginning of an answer; status 0 where there is none."""
    try:
        with urllib.request.urlopen(address, timeout=8) as response:
            return response.status, response.read(400).decode(errors="replace")
    except urllib.error.HTTPError as problem:
        return problem.code, problem.read(200).decode(errors="replace")
    except OSError as problem:
        return 0, str(problem)


def run(*words: str) -> str:
    """What a program prints, or why it does not."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    except subprocess.TimeoutExpired:
        return "no answer"
    return (done.stdout or done.stderr).strip()


def instances(service: str) -> list[list[str]]:
    """ID and name of each that runs."""
    labels = [f"label=com.docker.compose.project={WHAT['project']}", f"label=com.docker.compose.service={service}"]
    filters = [word for label in labels for word in ("--filter", label)]
    listed = run("docker", "ps", "--no-trunc", *filters, "--format", _INSTANCE)
    return [line.split()[:2] for line in listed.splitlines() if not line.endswith("True")]


def psql(statement: str) -> str:
    """The answer of the database to its superuser."""
    names = instances(WHAT["database"])
    words = ["psql", "-XAtq", "-U", WHAT["superuser"], "-d", "shop", "-c", statement]
    return run("docker", "exec", names[0][1], *words) if names else "no database runs"


def front(mark: str) -> list[str]:
    """What the published address does not do."""
    paths = ("health", f"orders/{mark}", f"tasks/{mark}")
    answers = {path: get(f"{WHAT['url']}/{path}") for path in paths}
    listed = [
        f"/{path.split('/')[0]} answers {status} {text[:160]}"
        for path, (status, text) in answers.items()
        if status != 200
    ]
    if not listed and psql(f"SELECT count(*) FROM orders WHERE id = '{mark}'") != "1":
        listed.append("an accepted order is not in the database")
    return listed


def each_instance() -> list[str]:
    """Which instance of the API does not answer at its own address, and which worker does not come to its database."""
    listed = []
    for identity, name in instances(WHAT["api"]):
        addresses = run("docker", "inspect", "--format", _ADDRESSES, identity).split()
        status, text = get(f"http://{addresses[0]}:8000/health") if addresses else (0, "no address")
        if status != 200:
            listed.append(f"{name} answers {status} {text[:160]}")
    for identity, name in instances(WHAT["worker"]):
        recent = f"SELECT count(*) FROM consumers WHERE host = '{identity[:12]}' AND at > now() - interval '8 seconds'"
        if psql(recent) != "1":
            listed.append(f"{name} has not been at its database for 8 s")
    return listed


def beside() -> list[str]:
    """The sidecar, and the other project on this host."""
    listed = []
    connects = f"import socket; socket.create_connection(('127.0.0.1', {WHAT['sidecar']}), 5); print('yes')"
    for identity, name in instances("exporter") if WHAT["sidecar"] else []:
        if run("docker", "exec", identity, "python3", "-c", connects) != "yes":
            listed.append(f"{name} does not reach the service whose network it shares")
    if WHAT["neighbour"] and get("http://127.0.0.1:19090/")[0] != 200:
        listed.append("the neighbour does not answer")
    return listed


def task(mark: str) -> list[str]:
    """Whether the task that the front took is done."""
    end = time.time() + 15
    while psql(f"SELECT count(*) FROM task_ends WHERE task = '{mark}'") == "0":
        if time.time() > end:
            return ["a task is not done within 15 s"]
        time.sleep(0.5)
    return []


def main() -> None:
    """Ask, and print what is wrong as JSON."""
    begun = time.time()
    while True:
        mark = f"look-{time.time():.3f}"
        problems = front(mark) or [*each_instance(), *beside(), *task(mark)]
        if not problems or time.time() - begun > WHAT["within"]:
            break
        time.sleep(1)
    print(json.dumps(problems))


main()
