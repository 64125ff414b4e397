"""What it costs to ask: help, version and a check of the policy, against importing what they need."""

from __future__ import annotations

import sys
from pathlib import Path

from paired import pairs

PROGRAM = str(Path(sys.executable).parent / "selextract-infra")


def main() -> None:
    """Print the ratios."""
    bare = [sys.executable, "-c", "import typer"]
    models = [sys.executable, "-c", "import typer, pydantic, yaml"]
    print(pairs([PROGRAM, "--version"], bare, 9).line("--version, against import typer"))
    print(pairs([PROGRAM, "--help"], bare, 9).line("--help, against import typer"))
    check = [PROGRAM, "policy", "check", "--host", "8c/32GB/1TB/1Gbps"]
    print(pairs(check, models, 9).line("policy check, against import typer, pydantic, yaml", 3))


if __name__ == "__main__":
    main()
