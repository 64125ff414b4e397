"""What a person wants next of a new inventory: doctor's verdict, the sampler, a first plan; each as its command."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

from selextract_infra.cli.frame.output import say

__all__ = ["follow_up"]


def follow_up(inventory: Path) -> None:
    """Look with doctor and plan a right-sizing, each as a person would call it, and name what installs the sampler.

    Both only look; that one of them refuses or finds something is its answer and no failure of ``init``.
    """
    _called("doctor", inventory)
    say("History: without the sampler a plan rests on this moment alone. It installs a small service on the host:")
    say(f"  selextract-infra sampler -i {shlex.quote(str(inventory))}")
    _called("rightsize", inventory)


def _called(command: str, inventory: Path) -> None:
    words = [command, "-i", str(inventory)]
    say(f"$ selextract-infra {shlex.join(words)}")
    # A process of its own, as a person would call it: its exit code is about the host and not about `init`.
    subprocess.run([sys.executable, "-m", "selextract_infra.cli", *words], stdin=subprocess.DEVNULL, check=False)
