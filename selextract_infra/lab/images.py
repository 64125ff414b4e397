"""The lab's images: built once from Debian packages, kept in the cache, named by a digest of their recipe.

Three images: ``base`` (a minimal system), ``host`` (a lab host) and ``stack`` (every service of the application).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from selextract_infra.errors import LabUnavailableError
from selextract_infra.lab.engine import LONG, EngineError
from selextract_infra.lab.folders import cache_folder, locked
from selextract_infra.lab.machine import Machine

__all__ = ["STACK_IMAGE", "Images", "Progress", "ensure_images", "recipe"]

Progress = Callable[[str], None]

SUITE = "trixie"
MIRROR = "http://deb.debian.org/debian"
REGISTRY_STACK_BASE = "debian:trixie-slim"
REPOSITORY = "selextract-infra-lab"
BUILD_LABEL = "selextract-infra.lab.build"
STACK_IMAGE = "selextract/stack:lab"
_PROXIES = ("http_proxy", "https_proxy", "no_proxy")


@dataclass(frozen=True)
class Images:
    """The host image's name in the machine's engine, and the stack image as a file to load into a lab host."""

    host: str
    stack: Path
    stack_digest: str


@dataclass(frozen=True)
class _Image:
    """One image to make: its name carries ``digest``, a digest of everything it is made from."""

    kind: str
    base: str
    digest: str

    @property
    def name(self) -> str:
        return f"{REPOSITORY}/{self.kind}:{self.digest}"


def recipe(name: str) -> bytes:
    """The content of one recipe file."""
    return resources.files("selextract_infra.lab").joinpath("recipes", name).read_bytes()


def ensure_images(machine: Machine, base_image: str | None, on_progress: Progress) -> Images:
    """The images of a lab, from the engine, else from the cache, else built.

    ``base_image`` (for example ``ubuntu:22.04``) is pulled from a registry for the lab hosts; without it the base is
    made by debootstrap. Raises LabUnavailableError where neither is possible.
    """
    host = _Image("host", base_image or SUITE, _digest(base_image or SUITE, "prepare.sh", "host.sh", "boot.sh"))
    stack_base = REGISTRY_STACK_BASE if base_image else SUITE
    stack = _Image("stack", stack_base, _digest(stack_base, "prepare.sh", "stack.sh"))
    stack_file = _file(stack)
    with ThreadPoolExecutor(2) as pool:
        host_done = pool.submit(_ensure_host, machine, host, on_progress)
        stack_done = pool.submit(_ensure_stack, machine, stack, stack_file, on_progress)
        host_done.result()
        stack_done.result()
    return Images(host.name, stack_file, stack.digest)


def _ensure_host(machine: Machine, image: _Image, on_progress: Progress) -> None:
    if _present(machine, image.name):
        return
    with locked(cache_folder() / f"host-{image.digest}.lock"):
        if _present(machine, image.name):
            return
        file = _file(image)
        if file.exists():
            on_progress("host image: loading it from the cache")
            with file.open("rb") as handle:
                machine.engine.run("load", feed=handle, timeout=LONG)
            return
        _build(machine, image, ("prepare.sh", "host.sh"), on_progress)
        _save(machine, image.name, file)
        on_progress("host image: built and kept in the cache")


def _ensure_stack(machine: Machine, image: _Image, file: Path, on_progress: Progress) -> None:
    if file.exists():
        return
    with locked(cache_folder() / f"stack-{image.digest}.lock"):
        if file.exists():
            return
        _build(machine, image, ("prepare.sh", "stack.sh"), on_progress)
        machine.engine.run("tag", image.name, STACK_IMAGE)
        _save(machine, STACK_IMAGE, file)
        # Lab hosts load the file; the machine's own engine has no use for the image.
        machine.engine.run("image", "rm", STACK_IMAGE, image.name)
        on_progress("stack image: built and kept in the cache")


def _build(machine: Machine, image: _Image, recipes: tuple[str, ...], on_progress: Progress) -> None:
    """Run the recipes in a container of the base image; the result is one layer, quick to load."""
    base = _ensure_base(machine, image.base, on_progress)
    engine = machine.engine
    container = f"{REPOSITORY}-build-{image.kind}-{os.getpid()}"
    on_progress(f"{image.kind} image: installing packages (about a minute)")
    _remove_dead_builds(machine)
    proxies = [f"--env={name}" for name in _PROXIES if os.environ.get(name)]
    script = b"\n".join([b"set -eu", *(recipe(name) for name in recipes)])
    try:
        engine.run(
            "run", "--interactive", "--network", "host", *proxies, "--label", f"{BUILD_LABEL}={os.getpid()}",
            "--name", container, base, "sh", "-s",
            feed=script, timeout=LONG,
        )  # fmt: skip
        if image.kind == "host":
            with tempfile.TemporaryDirectory() as folder:
                boot = Path(folder) / "lab-boot"
                boot.write_bytes(recipe("boot.sh"))
                boot.chmod(0o755)
                engine.run("cp", str(boot), f"{container}:/usr/local/sbin/lab-boot")
        _flatten(engine.prefix, container, image.name)
    except EngineError as failure:
        raise LabUnavailableError(
            f"The lab's {image.kind} image could not be built: {failure}",
            remedy="check that this machine reaches the package mirror, then run it again",
        ) from failure
    finally:
        engine.run("rm", "--force", container, check=False, timeout=LONG)


def _remove_dead_builds(machine: Machine) -> None:
    """Containers of builds whose process is gone: the label names the process."""
    shown = f'{{{{.ID}}}} {{{{.Label "{BUILD_LABEL}"}}}}'
    listing = machine.engine.run("container", "ls", "--all", "--filter", f"label={BUILD_LABEL}", "--format", shown)
    for container, process in (line.split() for line in listing.splitlines()):
        if not Path("/proc", process).exists():
            machine.engine.run("rm", "--force", container, check=False)


def _flatten(docker: tuple[str, ...], container: str, name: str) -> None:
    path = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    _pipe([*docker, "export", container], [*docker, "import", "--change", path, "-", name])


def _ensure_base(machine: Machine, base: str, on_progress: Progress) -> str:
    if base != SUITE:
        return _pull(machine, base, on_progress)
    image = _Image("base", SUITE, _digest(SUITE))
    with locked(cache_folder() / f"base-{image.digest}.lock"):
        if not _present(machine, image.name):
            _debootstrap(machine, image.name, on_progress)
    return image.name


def _pull(machine: Machine, base: str, on_progress: Progress) -> str:
    if not _present(machine, base):
        on_progress(f"base image: pulling {base}")
        try:
            machine.engine.run("pull", base, timeout=LONG)
        except EngineError as failure:
            raise LabUnavailableError(
                f"The image {base} could not be pulled: {failure}",
                remedy="leave out --base-image to build the lab's images from Debian packages",
            ) from failure
    return base


def _debootstrap(machine: Machine, name: str, on_progress: Progress) -> None:
    program = shutil.which("debootstrap", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        raise LabUnavailableError(
            "The lab builds its hosts with debootstrap, and it is not installed.",
            remedy="apt-get install debootstrap, or --base-image ubuntu:22.04 where a registry is reachable",
        )
    if machine.sudo and not _sudo_works():
        raise LabUnavailableError(
            "The lab builds its hosts with debootstrap, which needs root or sudo without a password.",
            remedy="run sudo -v first, or --base-image ubuntu:22.04 where a registry is reachable",
        )
    on_progress(f"base image: debootstrap of Debian {SUITE} (about half a minute)")
    with _root_folder(machine) as folder:
        made = subprocess.run(
            [*machine.sudo, program, "--variant=minbase", SUITE, folder, MIRROR],
            capture_output=True,
            text=True,
            check=False,
            timeout=LONG,
            stdin=subprocess.DEVNULL,
        )
        if made.returncode:
            output = (made.stdout + made.stderr).strip().splitlines()
            raise LabUnavailableError(
                f"debootstrap of Debian {SUITE} from {MIRROR} failed: {output[-1] if output else 'it printed nothing'}",
                remedy="check that this machine reaches the package mirror, then run it again",
            )
        _pipe(
            [*machine.sudo, "tar", "--directory", folder, "--create", "."],
            [*machine.engine.prefix, "import", "-", name],
        )


def _sudo_works() -> bool:
    if shutil.which("sudo") is None:
        return False
    return subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0


@contextlib.contextmanager
def _root_folder(machine: Machine) -> Iterator[str]:
    """A folder whose content may belong to root, removed at the end; on a disk, never in a tmpfs without devices."""
    folder = tempfile.mkdtemp(prefix="base-", dir=cache_folder())
    try:
        yield folder
    finally:
        subprocess.run([*machine.sudo, "rm", "-rf", "--one-file-system", folder], check=False, timeout=LONG)


def _pipe(source: list[str], sink: list[str]) -> None:
    """``source | sink``; raises EngineError when either fails."""
    with subprocess.Popen(source, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as first:
        second = subprocess.run(sink, stdin=first.stdout, capture_output=True, check=False, timeout=LONG)
        output = first.stderr.read().decode(errors="replace") if first.stderr else ""
    if first.returncode or second.returncode:
        raise EngineError(f"{source[0]} … | {sink[0]} … failed: {output or second.stderr.decode(errors='replace')}")


def _save(machine: Machine, name: str, file: Path) -> None:
    """Into the cache by a rename, so that a file there is always whole."""
    part = file.with_suffix(".part")
    with part.open("wb") as handle:
        done = subprocess.run(
            [*machine.engine.prefix, "save", name], stdout=handle, stderr=subprocess.PIPE, check=False, timeout=LONG
        )
    if done.returncode:
        part.unlink()
        raise EngineError(f"docker save {name} failed: {done.stderr.decode(errors='replace').strip()}")
    part.rename(file)


def _present(machine: Machine, name: str) -> bool:
    return bool(machine.engine.inspect("image", name))


def _file(image: _Image) -> Path:
    return cache_folder() / f"{image.kind}-{image.digest}.tar"


def _digest(base: str, *recipes: str) -> str:
    """Twelve hexadecimal digits over the base's name and the content of the recipes."""
    content = hashlib.sha256(f"{base}\n{MIRROR}\n".encode())
    for name in recipes:
        content.update(name.encode() + b"\n" + recipe(name))
    return content.hexdigest()[:12]
