"""Secrets in what is committed: none, but for what no_secrets.yml names with its reason.

The linter asks nobody whether a find is a real secret, so nothing leaves this machine.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
KNOWN = Path(__file__).with_name("no_secrets.yml")
# Hashes of packages, which is all that there is in it.
_HASHES = "requirements.lock"


def found() -> dict[str, list[str]]:
    """By file, where and as what the linter takes a line for a secret."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    files = [name for name in listed.split("\0") if name and name != _HASHES]
    program = str(Path(sys.executable).with_name("detect-secrets"))
    command = [program, "scan", "--no-verify", *files]
    results = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout)["results"]
    return {
        name: [f"{name}:{secret['line_number']}: {secret['type']}" for secret in secrets]
        for name, secrets in results.items()
    }


def main() -> int:
    """1 where a file has more or less of them than is known."""
    known = yaml.safe_load(KNOWN.read_text(encoding="utf-8"))
    now, wrong = found(), []
    for name in sorted({*known, *now}):
        places, (count, _) = now.get(name, []), known.get(name, (0, ""))
        if len(places) > count:
            wrong += [f"looks like a secret: {place}" for place in places]
        elif len(places) < count:
            wrong.append(f"{KNOWN.name} names {count} in {name}, and {len(places)} are there")
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
