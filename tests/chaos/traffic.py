"""The load of a draw: requests that failed, tasks that were lost or done twice."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping
from typing import Any

from tests.chaos.expected import may_lose_requests
from tests.chaos.project import PORT
from tests.chaos.services import superuser
from tests.chaos.verdict import Judge

__all__ = ["Traffic", "ask"]

_WAIT = "for i in $(seq 30); do pgrep -f chaos/[l]oad.py >/dev/null || exit 0; sleep 1; done"
_ENDS = "SELECT task, count(*) FROM task_ends WHERE task LIKE 'tasks-%' GROUP BY 1"
# Faults in which a worker dies in the middle of a task: at least once is what its team promised.
_KILLS = ("engine", "container", "oom")


def ask(judge: Judge, statement: str) -> list[str]:
    """The words of the database's answer to its superuser; none where it does not run."""
    labels = f"project={judge.projects[0]} service={judge.draw.shape.database}".split()
    filters = " ".join(f"--filter label=com.docker.compose.{label}" for label in labels)
    call = f"psql -XAtq -U {superuser(judge.draw.shape)} -d shop -c {shlex.quote(statement)}"
    return judge.host.run(f"docker exec $(docker ps -q {filters}) {call}", check=False).stdout.decode().split()


class Traffic:
    """From before the operation until it is judged."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._host = judge.host
        self._load = judge.draw.load

    def begin(self) -> None:
        """Start to send, if anything is drawn."""
        self._host.run("rm -f /root/chaos/stop /root/chaos/load.jsonl")
        if self._load.requests:
            words = f"/root/chaos/load.py http://127.0.0.1:{PORT} {self._load.requests} {self._load.tasks}"
            self._host.run(f"setsid python3 {words} >/dev/null 2>&1 </dev/null &")

    def end(self, plan: Mapping[str, Any]) -> None:
        """Stop, and count."""
        if not self._load.requests:
            return
        self._host.run(f"touch /root/chaos/stop; {_WAIT}", timeout=60)
        sent = self._host.lines("/root/chaos/load.jsonl")
        failed = [entry for entry in sent if entry["problem"]]
        accepted = {entry["id"] for entry in sent if entry["kind"] == "tasks" and not entry["problem"]}
        ends = self._ends(accepted)
        lost = sorted(accepted - set(ends))
        doubled = sorted(task for task, count in ends.items() if count > 1)
        draw, verdict = self._judge.draw, self._judge.verdict
        counts = {"requests": sent, "failed": failed, "tasks": accepted, "lost": lost, "doubled": doubled}
        verdict.facts["load"] = {name: len(entries) for name, entries in counts.items()}
        if failed and not may_lose_requests(draw, plan):
            text = f"{len(failed)} of {len(sent)} requests failed, which no step announces: {failed[0]['problem']}"
            verdict.violation("kept", text)
        if lost and draw.fault.detail != draw.shape.cache:
            verdict.violation("tasks", f"{len(lost)} of {len(accepted)} accepted tasks were never done: {lost[:4]}")
        if doubled and draw.fault.kind not in _KILLS:
            verdict.violation("tasks", f"tasks were done twice: {doubled[:4]}")

    def _ends(self, accepted: set[str]) -> dict[str, int]:
        """How often each was done, when all are or after a minute."""
        end = time.monotonic() + 60
        while True:
            rows = [row.split("|") for row in ask(self._judge, _ENDS)]
            counts = {task: int(count) for task, count in rows}
            if accepted <= set(counts) or time.monotonic() > end:
                return counts
            time.sleep(1)
