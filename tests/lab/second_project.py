"""A second Compose project on the lab's host: another team's small app, with its own Nginx, API and Postgres."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from selextract_infra.lab import Lab
from tests.lab.program import Program
from tests.lab.rightsizing import policy_of

__all__ = ["PORT", "SECOND", "deployed", "everything_of", "gone", "program_for"]

SECOND = "bakery"
FOLDER = f"/srv/{SECOND}"
PORT = 8081
_OURS = ("balancer", "pgbouncer")
_STATE = "/var/lib/selextract-infra/projects"


def deployed(lab: Lab) -> None:
    """The lab's own stack once more, without workers, under another name and with one instance of everything."""
    done = lab.ssh(
        "app1",
        f"mkdir -p {FOLDER} && cp -r /opt/selextract/app /opt/selextract/compose.yml /opt/selextract/.env {FOLDER}/"
        f" && mkdir -p {FOLDER}/nginx.d && cd {FOLDER}"
        f" && sed -i '/^COMPOSE_FILE=/d' .env && sed -i 's/8080:80/{PORT}:80/; s/scale: 2/scale: 1/' compose.yml"
        " && docker compose up -d --wait --quiet-pull nginx 2>&1",
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def gone(lab: Lab) -> None:
    """Nothing of it, and nothing of ours for it, is left on the host."""
    projects = " ".join((SECOND, *(f"{SECOND}-{name}" for name in _OURS)))
    lab.ssh(
        "app1",
        f"for name in {projects}; do docker ps -aq --filter label=com.docker.compose.project=$name"
        " | xargs -r docker rm -f; done >/dev/null;"
        f" docker volume ls -q | grep ^{SECOND}_ | xargs -r docker volume rm >/dev/null;"
        f" docker network rm {SECOND}_default; rm -rf {FOLDER} {_STATE}/{SECOND}",
        timeout=120,
    )


def program_for(lab: Lab, folder: Path, project: str) -> Program:
    """The program as the team of one of both projects has it: its own inventory and journal."""

    def change(policy: dict[str, Any]) -> None:
        policy["rightsizing"]["cpu_overcommit_refuse"] = "900%"  # two apps are on two cores
        application = policy["application"]
        if project != SECOND:
            return
        application.update(project=SECOND, directory=FOLDER)
        del application["services"]["worker"]
        application["edge"]["nginx_include"] = f"{FOLDER}/nginx.d"
        for service in application["services"].values():
            if "health" in service:
                service["health"] = service["health"].replace(":8080", f":{PORT}")

    return Program(policy_of(lab, folder / f"inventory-{project}", change), folder / f"state-{project}")


def everything_of(lab: Lab, project: str) -> dict[str, str]:
    """The project's and our containers for it by ID and start, and every file of both by its digest."""
    folder = FOLDER if project == SECOND else f"/opt/{project}"
    script = f"""
for name in {" ".join((project, *(f"{project}-{name}" for name in _OURS)))}; do
  docker ps -aq --no-trunc --filter label=com.docker.compose.project=$name |
    xargs -r docker inspect --format '{{{{.Name}}}} {{{{.Id}}}} {{{{.State.StartedAt}}}} {{{{.HostConfig.Memory}}}}'
done
find {folder} {_STATE}/{project} -type f -exec sha256sum {{}} + | awk '{{print $2, $1}}'
docker exec {project}-postgres-1 psql -XAtq -U postgres -c "\\du"
"""
    shown = lab.ssh("app1", script, timeout=60)
    assert shown.returncode == 0, shown.stderr
    return dict(enumerate_lines(shown.stdout))


def enumerate_lines(text: str) -> list[tuple[str, str]]:
    """Each line by its first word; a line that is there twice keeps both."""
    found: dict[str, list[str]] = {}
    for line in sorted(text.splitlines()):
        name, _, rest = line.replace("|", " ").partition(" ")
        found.setdefault(name, []).append(rest)
    return [(name, "; ".join(rest)) for name, rest in found.items()]
