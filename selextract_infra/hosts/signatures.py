"""Signatures of people over a text, as OpenSSH's ssh-keygen makes and checks them."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from selextract_infra.errors import RefusedError, SelextractError, UsageError
from selextract_infra.hosts.bounded_process import bounded
from selextract_infra.hosts.scratch import private_folder, write_private

__all__ = ["Signer", "read_signature", "read_signers", "signer_of", "signing_command"]

_PURPOSE = "selextract-infra-plan"  # a signature that somebody made for something else is none for a plan
_LARGEST = 1_000_000
_SECONDS = 20.0
_GOOD = re.compile(r'Good "[^"]*" signature for (?P<name>\S+) with \S+ key (?P<key>SHA256:\S+)')
_PATTERN = re.compile(r"[*?!,]")  # one line for many people says of nobody who it was


@dataclass(frozen=True)
class Signer:
    """Who signed: the name that the file of signers gives to the key, and the key's fingerprint."""

    name: str
    key: str


def signing_command(text: str) -> str:
    """The command with which a person signs that text; it prints the signature."""
    return f"echo {text} | ssh-keygen -Y sign -n {_PURPOSE} -f ~/.ssh/id_ed25519"


def read_signature(path: Path) -> str:
    """A signature that was saved to a file. Raises ``UsageError`` for one that cannot be read."""
    return _read(path, UsageError(f"The approval {path} cannot be read, or is too large to be one."))


def read_signers(path: Path) -> str:
    """The file of who may sign, read once.

    Raises ``RefusedError`` where others than root and whoever runs this could have written it, or what leads to it.
    """
    unreadable = RefusedError(f"The file of who may approve, {path}, cannot be read.", rule="approvals")
    try:
        ways = [path, path.resolve(strict=True)]
    except (OSError, RuntimeError) as problem:
        raise unreadable from problem
    for part in dict.fromkeys(part for way in ways for part in (*reversed(way.parents), way)):
        status = part.lstat()
        if stat.S_ISLNK(status.st_mode) and status.st_uid in (0, os.geteuid()):
            continue  # where it leads is looked at too
        kept = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX  # as /tmp: nobody moves what is another's
        if status.st_uid not in (0, os.geteuid()) or (status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not kept):
            raise RefusedError(
                f"Others could have written who may approve: {part} is not root's or yours alone.",
                rule="approvals",
                remedy=f"chown root {part}; chmod go-w {part}",
            )
    return _read(ways[1], unreadable)


def signer_of(text: str, signature: str, signers: str) -> Signer | None:
    """Who signed ``text`` and may do so now; None where the signature is another text's, or nobody's who may.

    Raises ``SelextractError`` where ssh-keygen is missing or does not answer.
    """
    with private_folder() as folder:
        files = ["-s", str(write_private(folder / "signature", signature))]
        files += ["-f", str(write_private(folder / "signers", signers))]
        for name in _asked(["find-principals", *files], text).splitlines():
            if _PATTERN.search(name):
                continue
            good = _GOOD.search(_asked(["verify", "-n", _PURPOSE, "-I", name, *files], text))
            if good is not None and good["name"] == name:
                return Signer(name, good["key"])
    return None


def _asked(arguments: list[str], text: str) -> str:
    try:
        done = subprocess.run(
            bounded(["ssh-keygen", "-Y", *arguments]),
            input=f"{text}\n",
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise SelextractError(
            "Signatures cannot be checked here: ssh-keygen does not answer.", remedy="install openssh-client"
        ) from problem
    return "" if done.returncode else done.stdout


def _read(path: Path, refusal: SelextractError) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as problem:
        raise refusal from problem
    if len(content) > _LARGEST:
        raise refusal
    return content.decode("utf-8", errors="replace")
