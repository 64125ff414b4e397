"""PgBouncer beside one Compose project: put up, retuned, its processes replaced, taken down; no transaction is lost.

A setting that can be reloaded is reloaded. For any other a second process is started in the same container: both listen
on the same port, the older one takes no new clients and ends with its last. As long as there are two, each has half of
the connections to Postgres.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from ..compose.compose import Compose
from ..compose.own_names import refuse_taken_alias
from ..compose.project import own_project
from ..docker.containers import Container, find_containers
from ..docker.engine import Engine
from ..docker.own_image import have_own_image, refuse_moved_image
from ..postgres.psql import PostgresServer, find_server, literal
from ..postgres.wire import Login, Wire
from ..state.project_state import ProjectState
from ..state.state import StateFolder
from ..system.failure import HostSideError
from ..system.waiting import complaint_left, waited_for
from .folder import Place
from .image import at_least, version_in
from .ini import AUTH_DATABASE, AUTH_USER, LONGEST_NUMBER, SHARE_SECONDS, settings_of, shared_by
from .login import ensure_login, login_is_there, refuse_users, remove_login, server_facts
from .pooled_instances import Keeping, LeadingBack, files_of
from .processes import Process, answering, leaving
from .proof import prove_ways

__all__ = ["Pooler"]

_FIND = "SELECT username FROM selextract_infra.pooler_login(@USER@)"
_FIXED = ("image", "host", "port", "memory", "cpus", "files")  # a new container is needed for another value of these


class Pooler:
    """The PgBouncer of one project. Everything raises ``HostSideError`` with a sentence for a person.

    ``bound`` is how long to wait for a process to answer, in seconds.
    """

    def __init__(self, engine: Engine, socket_path: str, folder: StateFolder, project: str, bound: float) -> None:
        self._engine = engine
        self._socket_path = socket_path
        self._bound = bound
        self._folder = folder
        self.unproved: list[str] = []
        """Services whose login through PgBouncer could not be tried, because no password stands in their address."""
        self.place = Place(folder, project)
        self._state = ProjectState(folder, project)

    @property
    def container(self) -> Container | None:
        """Our container, None where there is none."""
        containers = find_containers(self._engine, self._socket_path, self.place.name)
        return next((container for container in containers if container.name == self.place.name), None)

    def processes(self, port: int) -> list[Process]:
        """The processes that answer, oldest first."""
        return answering(self.place.run, port)

    def leaving(self, port: int) -> list[int]:
        """Processes that only wait for their last clients."""
        container = self.container
        return leaving(container.id, self.processes(port)) if container and container.running else []

    def differences(self, wanted: dict[str, Any]) -> list[str]:
        """What is not yet as wanted, in a few words each."""
        container, record = self.container, self.place.record()
        reasons = []
        if container is None or not container.running:
            reasons.append("the container does not run")
        if record != wanted or self.place.differs(wanted):
            reasons.append("its settings differ")
        if not login_is_there(self._server(wanted)):
            reasons.append("its role in Postgres is missing")
        return reasons

    def refuse(self, wanted: dict[str, Any]) -> None:
        """Raise for whatever would keep PgBouncer from serving these users; nothing is touched before."""
        server = self._server(wanted)
        facts = server_facts(server)
        if facts["in_recovery"]:
            raise HostSideError("The database is a standby; PgBouncer needs the primary.", kind="refused", rule="LB-05")
        if wanted["most"] > facts["maximum"] - facts["reserved"]:
            raise HostSideError(
                f"PgBouncer's {wanted['most']} connections do not fit into the {facts['maximum']} of Postgres less"
                f" {facts['reserved']} reserved.",
                kind="refused",
                rule="X-13",
            )
        refuse_users(server, wanted["users"])
        self._refuse_image(wanted)
        refuse_taken_alias(self._network(wanted), wanted["host"], self.place.name, self._socket_path)
        record, container = self.place.record(), self.container
        if container is None or record is None:
            return
        changed = [key for key in _FIXED if record.get(key) != wanted[key]]
        if changed:
            raise HostSideError(
                f"Another {' and '.join(changed)} takes a new container of PgBouncer: turn it off, then on again.",
                kind="refused",
                rule="LB-08",
            )

    def put_up(self, wanted: dict[str, Any], *, replace: bool) -> str:
        """Make it as wanted, and prove it by queries; returns what was done. ``replace`` asks for a new process."""
        have_own_image(self._state, wanted["image"])
        self._ensure_login(wanted)
        container, before = self.container, self.processes(wanted["port"])
        self.place.write(wanted, self._network(wanted))
        if container is None or not container.running or not before:
            done = "started"
            Compose(own_project(self.place.name, self.place.path)).up(self._bound)
            self._wait(lambda: bool(self.processes(wanted["port"])), "PgBouncer does not answer")
        else:
            done = self._renew(container, before, wanted, replace=replace)
        if wanted.get("idle"):
            self._give_back(wanted)
        self._prove(wanted)
        self.place.note(wanted)
        return done

    def take_down(self, wanted: dict[str, Any], *, bound: float, keeping: Keeping | None = None) -> list[str]:
        """Remove all of it once nobody uses or needs it; returns the instances that had to be led back before.

        Refuses where somebody is still connected after ``bound`` seconds, and where an instance still points to it: one
        that is idle just now would find nobody when it next asks.
        """
        back = LeadingBack(self._engine, self._socket_path, self._folder, self.place.project, self._bound, keeping)
        back.run(wanted)
        if back.problems:
            raise HostSideError(
                f"PgBouncer stays, because it is still needed: {'; '.join(back.problems)}."
                " `selextract-infra pgbouncer off` leads everybody back first.",
                kind="refused",
                rule="LB-08",
            )
        users = complaint_left(lambda: self.users(wanted["port"]), bound)
        if users:
            raise HostSideError(
                f"PgBouncer still serves {users}; `selextract-infra pgbouncer off` leads them back first.",
                kind="refused",
                rule="LB-08",
            )
        container = self.container
        if container is not None:
            if container.running:
                self._engine.stop(container.id, container.stop_grace)
            self._engine.remove(container.id)
        server = self._server(wanted)
        if not server_facts(server)["in_recovery"]:
            remove_login(server)
        self.place.remove()
        self.place.note(None)
        return back.done

    def users(self, port: int) -> str:
        """Who is connected, in words; empty for nobody."""
        answer = self.processes(port)
        clients = [f"{row.get('user')} from {row.get('addr')}" for process in answer for row in process.clients()]
        named = sorted(set(clients))
        words = [f"{len(clients)} clients ({', '.join(named[:3])})"] if clients else []
        words += ["clients of an older process"] if self.leaving(port) else []
        return " and ".join(words)

    def _renew(self, container: Container, before: list[Process], wanted: dict[str, Any], *, replace: bool) -> str:
        newest, leavers = before[-1], leaving(container.id, before)
        self._engine.restart_always(container.id)  # an older version of this program may have marked it as stopped
        if leavers:
            self._engine.signal(container.id, "HUP")  # reaches the console of none, and its files are new
        newest.rows("RELOAD")
        said = {str(row["key"]): row for row in newest.rows("SHOW CONFIG")}
        stuck = [
            key
            for key, value in settings_of(wanted).items()
            if key in said and said[key].get("changeable") == "no" and (said[key].get("value") or "") != value
        ]
        if not (replace or stuck):
            return "reloaded"
        if leavers or len(before) > 1:
            raise HostSideError(
                "An older process of PgBouncer still serves its last clients; wait until they are gone.",
                kind="refused",
                rule="LB-08",
            )
        self._make_room(container, newest, wanted)
        self._engine.signal(container.id, "USR1")
        self._wait(lambda: len(self.processes(wanted["port"])) > 1, "The second process of PgBouncer does not answer")
        newest.rows("SHUTDOWN WAIT_FOR_CLIENTS")
        return f"process {newest.number % LONGEST_NUMBER + 1} took over from {newest.number}"

    def _make_room(self, container: Container, process: Process, wanted: dict[str, Any]) -> None:
        """Let a process have half of the connections before the second one comes, so that both fit at every moment."""
        shares = shared_by(wanted)
        self._engine.signal(container.id, "HUP")
        self._wait(lambda: _limits(process).items() >= shares.items(), "PgBouncer does not take smaller pools")
        process.rows("RECONNECT")  # what is open beyond that is closed as its transaction ends
        fits = partial(_holds_no_more, process, shares)
        if not waited_for(fits, min(self._bound, SHARE_SECONDS / 2)):
            raise HostSideError(
                f"PgBouncer cannot be replaced while transactions stay open: {', '.join(process.holding()[:3])}.",
                kind="gate",
            )

    def _give_back(self, wanted: dict[str, Any]) -> None:
        """Close what is open beyond the pools as they are now; what is in a transaction is given back after it."""
        wanted_most = {alias: int(database["most"]) for alias, database in wanted["databases"].items()}
        for process in self.processes(wanted["port"]):
            process.rows("RECONNECT")
            shrunk = partial(_within, process, wanted_most)
            if not waited_for(shrunk, self._bound / 2):
                raise HostSideError(
                    f"PgBouncer cannot give connections back while transactions stay open:"
                    f" {', '.join(process.holding()[:3])}.",
                    kind="gate",
                )

    def _prove(self, wanted: dict[str, Any]) -> None:
        """Log in at its port as its own role, ask through each alias, and look each user up as PgBouncer will.

        Then log in as each service will: with its own address and parameters, from its own network.
        """
        container = self.container
        if container is None:
            raise HostSideError("PgBouncer's container is gone.", kind="docker")
        details = self._engine.inspect(container.id) or {}
        networks = (details.get("NetworkSettings") or {}).get("Networks") or {}
        address = next((str(network["IPAddress"]) for network in networks.values() if network.get("IPAddress")), "")
        password = self.place.password()
        for alias in [*wanted["databases"], AUTH_DATABASE]:
            with Wire((address, wanted["port"]), Login(AUTH_USER, alias, password), timeout=self._bound) as wire:
                wire.rows("SELECT 1")
                if alias != AUTH_DATABASE:
                    continue
                for user in wanted["users"]:
                    if not wire.rows(_FIND.replace("@USER@", literal(user))):
                        raise HostSideError(f"PgBouncer does not find the user {user}.", kind="gate")
        present = find_containers(self._engine, self._socket_path, self.place.project)
        compose = files_of(present, self.place.project)
        if compose is not None:
            way = (str(wanted["host"]), int(wanted["port"]), address)
            environments = compose.environments(filled_in=True)
            self.unproved = prove_ways(environments, wanted.get("variables") or {}, present, way, self._bound)

    def _ensure_login(self, wanted: dict[str, Any]) -> None:
        server = self._server(wanted)
        known = self.place.password()
        if known is None or not login_is_there(server):
            ensure_login(server, known or self.place.new_password())

    def _refuse_image(self, wanted: dict[str, Any]) -> None:
        refuse_moved_image(self._state, wanted["image"])
        version = version_in(wanted["image"], self._bound)
        if not at_least(version, wanted["minimum"]):
            raise HostSideError(
                f"PgBouncer {version} is too old: {wanted['minimum']} is the first whose process is replaced without"
                " loss and that keeps prepared statements in transaction pooling.",
                kind="refused",
                rule="X-66",
            )

    def _server(self, wanted: dict[str, Any]) -> PostgresServer:
        there = wanted["server"]
        return find_server(
            self._engine,
            self._socket_path,
            self.place.project,
            there["service"],
            superuser=there["superuser"],
            socket=there["socket"],
        )

    def _network(self, wanted: dict[str, Any]) -> str:
        """A network that the database shares with every service that is led to PgBouncer: the project's own, if so."""
        containers = find_containers(self._engine, self._socket_path, self.place.project)
        services = {*wanted["services"], wanted["server"]["service"]}
        names: set[str] | None = None
        for container in containers:
            if container.running and container.service in services:
                details = self._engine.inspect(container.id) or {}
                mine = set((details.get("NetworkSettings") or {}).get("Networks") or {})
                names = mine if names is None else names & mine
        if not names:
            raise HostSideError("The app and its database share no network.", kind="refused", rule="LB-08")
        default = f"{self.place.project}_default"
        return default if default in names else sorted(names)[0]

    def _wait(self, condition: Any, complaint: str) -> None:
        if not waited_for(condition, self._bound):
            container = self.container
            last = self._engine.logs(container.id, 3).strip().splitlines() if container else []
            raise HostSideError(f"{complaint}{': ' + last[-1] if last else ''}.", kind="gate")


def _limits(process: Process) -> dict[str, int]:
    """By alias, how many connections to Postgres a process may have now."""
    return {str(row.get("name")): int(row.get("max_connections") or 0) for row in process.rows("SHOW DATABASES")}


def _within(process: Process, most: dict[str, int]) -> bool:
    """Whether a process has no more connections than these, by alias."""
    return all(_open(process).get(alias, 0) <= count for alias, count in most.items())


def _holds_no_more(process: Process, shares: Mapping[str, int]) -> bool:
    """Whether a process has no more connections than these, and none by another alias."""
    return all(count <= shares.get(alias, 0) for alias, count in _open(process).items())


def _open(process: Process) -> dict[str, int]:
    """By alias, how many it has."""
    return {str(row.get("name")): int(row.get("current_connections") or 0) for row in process.rows("SHOW DATABASES")}
