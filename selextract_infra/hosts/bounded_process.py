"""How much memory a program that is started here may take."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from selextract_infra.model.figures import MB

__all__ = ["bounded"]

_LARGEST_PROCESS = 2048 * MB  # none of ours takes a quarter of that, whatever hosts answer and files say


def bounded(command: Sequence[str]) -> list[str]:
    """The command so that neither it nor what it starts takes all memory of this machine; unbounded without util-linux.

    It is of data alone: what a program maps, such as libraries, takes no memory of its own. Raises
    ``FileNotFoundError`` where there is no such program, as starting it would.
    """
    if shutil.which(command[0]) is None:
        raise FileNotFoundError(command[0])
    program = shutil.which("prlimit")
    return [*([program, f"--data={_LARGEST_PROCESS}:", "--"] if program else []), *command]
