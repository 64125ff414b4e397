"""A small client of the Docker Engine API over its Unix socket."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, urlencode

from ..system.failure import HostSideError

__all__ = ["Engine", "EngineGoneError", "EngineRefusedError"]

_FRAME = 8  # bytes of the header of a frame of output
_PAUSE = 0.5  # seconds between two looks
_LARGEST = 64 << 20  # bytes of an answer; the largest, of a host with hundreds of containers, has some MB
_PIECE = 1 << 16


class EngineGoneError(HostSideError):
    """Docker does not run or does not answer, which may be over in a moment: it may be restarting."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, kind="docker")


class EngineRefusedError(HostSideError):
    """Docker answered, and the answer was no; ``status`` is the HTTP status, ``reason`` what Docker said."""

    def __init__(self, sentence: str, status: int, reason: str = "") -> None:
        super().__init__(sentence, kind="docker")
        self.status = status
        self.reason = reason or sentence


def _whole(response: http.client.HTTPResponse, seconds: float) -> bytes:
    """All of an answer. Raises ``EngineGoneError`` where it goes on for longer, ``HostSideError`` where it is too much.

    What a container prints passes through here: it may print without end, or a byte now and then.
    """
    give_up = time.monotonic() + seconds
    content = bytearray()
    while piece := response.read1(_PIECE):
        content += piece
        if len(content) > _LARGEST:
            raise HostSideError(f"Docker answered with more than {_LARGEST} bytes.", kind="docker")
        if time.monotonic() > give_up:
            raise EngineGoneError(f"Docker's answer did not end within {seconds:.0f} s.")
    response.read()  # so that the connection can be used again
    return bytes(content)


class _SocketConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, timeout: float | None) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Engine:
    """The Docker engine of this host. One instance belongs to one thread; it keeps its connection open.

    ``timeout`` is in seconds and holds for each answer. Every method raises ``EngineGoneError`` when Docker does not
    run or does not answer, and ``EngineRefusedError`` when it answers with an error.
    """

    def __init__(self, socket_path: str, timeout: float = 15.0) -> None:
        self._path = socket_path
        self._timeout = timeout
        self._connection: _SocketConnection | None = None

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def wait(self, bound: float) -> None:
        """Wait until Docker answers, for at most so many seconds; raises ``EngineGoneError`` after them."""
        give_up = time.monotonic() + bound
        while True:
            try:
                self._call("GET", "/version")
            except EngineGoneError:
                if time.monotonic() >= give_up:
                    raise
                time.sleep(_PAUSE)
            else:
                return

    def info(self) -> dict[str, Any]:
        """What Docker says about the host: ``NCPU``, ``MemTotal``, ``SwapLimit``, ``DockerRootDir`` and more."""
        return dict(self._call("GET", "/info"))

    def containers(self, labels: Iterable[str] = ()) -> list[dict[str, Any]]:
        """All containers that have all of ``labels`` (``name`` or ``name=value``), stopped ones too."""
        query = {"all": "1", "filters": json.dumps({"label": list(labels)})}
        return list(self._call("GET", "/containers/json?" + urlencode(query)))

    def inspect(self, container: str) -> dict[str, Any] | None:
        """Everything about one container, or None when it is gone."""
        return self._known(f"/containers/{quote(container, safe='')}/json")

    def create(self, name: str, body: dict[str, Any]) -> str:
        """Create a container without starting it, and return its ID; ``body`` as in the Engine API."""
        made = self._call("POST", "/containers/create?" + urlencode({"name": name}), body)
        return str(made["Id"])

    def connect(self, network: str, container: str, endpoint: dict[str, Any]) -> None:
        """Give a container one network more; ``endpoint`` has its aliases and addresses, as in the Engine API."""
        body = {"Container": container, "EndpointConfig": endpoint}
        self._call("POST", f"/networks/{quote(network, safe='')}/connect", body)

    def rename(self, container: str, name: str) -> None:
        """Give a container another name."""
        self._call("POST", f"/containers/{quote(container, safe='')}/rename?" + urlencode({"name": name}))

    def image(self, name: str) -> dict[str, Any] | None:
        """Everything about one image (``Id``, ``RepoTags`` and more), by name or ID; None when it is not here."""
        return self._known(f"/images/{quote(name, safe='/:@')}/json")

    def tag(self, image: str, repository: str, tag: str) -> None:
        """Give an image one name more; an image that had it loses it."""
        self._call("POST", f"/images/{quote(image, safe='')}/tag?" + urlencode({"repo": repository, "tag": tag}))

    def untag(self, name: str) -> None:
        """Take a name from an image; the image goes with its last name where no container was made from it."""
        self._call("DELETE", f"/images/{quote(name, safe='')}?noprune=1")

    def update(self, container: str, body: dict[str, int]) -> list[str]:
        """Change a container's resources in place; ``body`` as in the Engine API. Returns Docker's warnings."""
        answer = self._call("POST", f"/containers/{quote(container, safe='')}/update", body)
        return [str(warning) for warning in (answer or {}).get("Warnings") or []]

    def stop(self, container: str, grace: float, signal: str | None = None) -> None:
        """Stop a container and wait for it; it is killed after ``grace`` seconds.

        ``signal`` is sent instead of its own; engines before Docker 23 keep to its own.
        """
        query = urlencode({"t": int(grace), **({"signal": signal} if signal else {})})
        self._call("POST", f"/containers/{quote(container, safe='')}/stop?{query}", timeout=grace + self._timeout)

    def restart(self, container: str, grace: float, signal: str | None = None) -> None:
        """Stop a container as ``stop`` does and start it again; Docker does both, whatever becomes of who asked."""
        query = urlencode({"t": int(grace), **({"signal": signal} if signal else {})})
        self._call("POST", f"/containers/{quote(container, safe='')}/restart?{query}", timeout=grace + self._timeout)

    def start(self, container: str) -> None:
        """Start a container; one that runs already is left alone."""
        self._call("POST", f"/containers/{quote(container, safe='')}/start")

    def logs(self, container: str, lines: int = 40, since: float = 0.0) -> str:
        """The last lines that a container wrote to its output, at the earliest those of ``since`` (Unix time)."""
        query = urlencode({"stdout": 1, "stderr": 1, "tail": lines, "since": f"{since:.3f}"})
        path = f"/containers/{quote(container, safe='')}/logs?{query}"
        return "".join(_split_streams(self._content("GET", path)))

    def run_inside(
        self,
        container: str,
        arguments: list[str],
        *,
        user: str = "",
        environment: Iterable[str] = (),
        folder: str = "",
        privileged: bool = False,
    ) -> tuple[int, str, str]:
        """Run a program in a running container: its exit code, its output, its complaints.

        ``user`` is whom it runs as, the container's own user where it is empty, and ``folder`` where, likewise;
        ``environment`` has ``NAME=value``.
        Neither arguments nor environment may hold a secret: everybody on the host can read them.
        """
        asked = {
            "AttachStdout": True,
            "AttachStderr": True,
            "Cmd": arguments,
            "User": user,
            "Env": list(environment),
            "WorkingDir": folder,
            "Privileged": privileged,
        }
        made = self._call("POST", f"/containers/{quote(container, safe='')}/exec", asked)
        path = f"/exec/{quote(str(made['Id']), safe='')}"
        output, complaints = _split_streams(self._content("POST", path + "/start", {"Detach": False, "Tty": False}))
        code = dict(self._call("GET", path + "/json")).get("ExitCode")
        return (-1 if code is None else int(code)), output, complaints

    def remove(self, container: str, *, volumes: bool = False) -> None:
        """Remove a stopped container; its volumes stay. With ``volumes`` those without a name go too."""
        query = "?v=1" if volumes else ""
        self._call("DELETE", f"/containers/{quote(container, safe='')}{query}")

    def signal(self, container: str, signal: str) -> None:
        """Send a signal (``HUP``, ``USR1``…) to a container's first process, from inside the container.

        The engine's own ``kill`` call notes, whatever the signal, that the container was stopped by hand. After a
        restart of the engine it then stays down under ``unless-stopped`` (measured with Docker 26.1).
        """
        code, _, complaints = self.run_inside(container, ["sh", "-c", f"kill -{signal} 1"])
        if code:
            raise HostSideError(
                f"The signal {signal} did not reach the container: {complaints.strip()[-200:] or code}.", kind="docker"
            )

    def restart_always(self, container: str) -> None:
        """Let the engine start a container whenever the engine starts, also one that counts as stopped by hand."""
        self._call("POST", f"/containers/{quote(container, safe='')}/update", {"RestartPolicy": {"Name": "always"}})

    def events(self, kinds: Iterable[str], since: float, until: float) -> list[dict[str, Any]]:
        """Container events of some kinds (``oom``, ``die``...) between two Unix times, as far as Docker remembers."""
        query = {"since": f"{since:.3f}", "until": f"{until:.3f}", "filters": _event_filter(kinds)}
        connection, response = self._open("GET", "/events?" + urlencode(query), None, self._timeout)
        with response:
            lines = _whole(response, self._timeout).splitlines()
        connection.close()
        return [json.loads(line) for line in lines if line.strip()]

    def follow(self, kinds: Iterable[str]) -> Iterator[dict[str, Any]]:
        """Container events as they happen, on a connection of its own, until Docker closes it."""
        query = urlencode({"filters": _event_filter(kinds)})
        connection, response = self._open("GET", "/events?" + query, None, None)
        try:
            for line in response:
                if line.strip():
                    yield json.loads(line)
        except (OSError, http.client.HTTPException, ValueError) as problem:
            raise self._unanswered("GET /events", problem) from problem
        finally:
            connection.close()

    def _known(self, path: str) -> dict[str, Any] | None:
        """What Docker says about one thing, None where it does not know it."""
        try:
            return dict(self._call("GET", path))
        except EngineRefusedError as refusal:
            if refusal.status == http.client.NOT_FOUND:
                return None
            raise

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None, timeout: float | None = None) -> Any:
        content = self._content(method, path, body, timeout)
        return json.loads(content) if content.strip() else None

    def _content(
        self, method: str, path: str, body: dict[str, Any] | None = None, timeout: float | None = None
    ) -> bytes:
        kept = self._connection
        try:
            answer = self._exchange(kept, method, path, body, timeout)
        except HostSideError:
            if kept is None or method != "GET":
                raise
            self.close()  # a kept connection may have been closed by the other side
            answer = self._exchange(None, method, path, body, timeout)
        return answer

    def _exchange(
        self,
        kept: _SocketConnection | None,
        method: str,
        path: str,
        body: dict[str, Any] | None,
        timeout: float | None,
    ) -> bytes:
        if method != "GET":
            kept = None
        connection, response = self._open(method, path, body, timeout or self._timeout, kept)
        try:
            content = _whole(response, timeout or self._timeout)
        except HostSideError:
            response.close()
            connection.close()
            raise
        except (OSError, http.client.HTTPException) as problem:
            connection.close()
            raise self._unanswered(f"{method} {path}", problem) from problem
        if method == "GET":
            self._connection = connection
        else:
            connection.close()
        if response.status >= http.client.BAD_REQUEST:
            reason = _message(content)
            sentence = f"Docker refused {method} {path.split('?')[0]}: {reason}."
            if response.status == http.client.NOT_FOUND and reason.startswith("No such container"):
                sentence = f"A container went away meanwhile ({reason}): somebody else is at work on this host."
            raise EngineRefusedError(sentence, response.status, reason)
        return content

    def _open(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None,
        timeout: float | None,
        kept: _SocketConnection | None = None,
    ) -> tuple[_SocketConnection, http.client.HTTPResponse]:
        connection = kept or _SocketConnection(self._path, timeout)
        content = None if body is None else json.dumps(body)
        headers = {} if body is None else {"Content-Type": "application/json"}
        try:
            connection.request(method, path, content, headers)
            return connection, connection.getresponse()
        except (OSError, http.client.HTTPException) as problem:
            connection.close()
            raise self._unanswered(f"{method} {path.split('?')[0]}", problem) from problem

    def _unanswered(self, what: str, problem: Exception) -> HostSideError:
        if isinstance(problem, socket.timeout):
            return EngineGoneError(f"Docker did not answer {what} in time.")
        if isinstance(problem, PermissionError):
            return HostSideError(
                f"Docker's socket {self._path} may not be opened by this user; become root.", kind="docker"
            )
        if isinstance(problem, (FileNotFoundError, ConnectionRefusedError)):
            return EngineGoneError(f"Docker is not running on this host: nothing answers at {self._path}.")
        return EngineGoneError(f"Docker stopped answering {what}: {problem or type(problem).__name__}.")


def _event_filter(kinds: Iterable[str]) -> str:
    return json.dumps({"type": ["container"], "event": list(kinds)})


def _split_streams(content: bytes) -> tuple[str, str]:
    """Output and complaints from Docker's frames: a byte for the stream, three of nothing, four of length."""
    streams: dict[int, list[bytes]] = {1: [], 2: []}
    place = 0
    while place + _FRAME <= len(content):
        length = int.from_bytes(content[place + 4 : place + _FRAME], "big")
        streams.setdefault(content[place], []).append(content[place + _FRAME : place + _FRAME + length])
        place += _FRAME + length
    output, complaints = (b"".join(streams[kind]).decode("utf-8", "replace") for kind in (1, 2))
    return output, complaints


def _message(content: bytes) -> str:
    try:
        message = json.loads(content)["message"]
    except (ValueError, KeyError, TypeError):
        message = content.decode("utf-8", "replace")
    return " ".join(str(message).split()).rstrip(".") or "no reason was given"
