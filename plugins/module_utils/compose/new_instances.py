"""The one way in which instances of the team's services are made and started.

``docker compose up SERVICE`` starts what the service depends on, runs one-shot services again, and with ``--no-deps``
gives the new container another configuration hash, so that the team's next ``up`` recreates it. So Compose only creates
here, and the engine starts just what is new (measured with Compose 2.26 and 2.40).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from ..docker.containers import Container, find_containers
from ..docker.engine import Engine
from ..docker.instances import instances_of
from ..docker.shared_namespaces import refuse_where_shared
from ..system.failure import HostSideError
from .compose import Compose, ComposeCall, environment_values, with_dependencies
from .project import Project
from .sibling import differences, environment_of, environment_wanted

__all__ = ["NewInstances", "count_defined"]

_AT_ONCE = 8
_HARMLESS = ("Running", "Created", "Creating", "Exited", "Healthy", "Waiting", "Starting", "Started")
_PLACES = ("NetworkMode", "PidMode", "IpcMode")


@dataclass(frozen=True)
class NewInstances:
    """Instances of one project's services, made by its own Compose files.

    ``bound`` is in seconds. ``variables`` has, by service, the variables that a change of ours is about: a new instance
    may have others there than those that run. ``commands`` are services whose command it is about. ``at_rest`` has the
    names of containers that somebody stopped before: they count for no instance, and nobody starts them here.
    """

    compose: Compose
    socket_path: str
    bound: float
    variables: Mapping[str, Sequence[str]] = field(default_factory=dict)
    commands: Collection[str] = ()
    at_rest: Collection[str] = ()

    def refuse(self, engine: Engine, services: Iterable[str], leaving: Container | None = None) -> None:
        """Raise ``HostSideError`` where an instance made now would not be what those that run are; nothing is touched.

        Of kind ``refused``, with what differs by name, or of kind ``compose`` where Compose rejects the files. Where
        one is to go for the new one (``leaving``), nobody else may live in its network.
        """
        if leaving is not None:
            refuse_where_shared(engine, leaving)
        containers = self._containers(engine)
        counts = {name: len(instances_of(containers, self._project.name, name)) for name in services}
        self._examined(engine, counts, containers)

    def bring(self, engine: Engine, counts: Mapping[str, int]) -> list[str]:
        """Let each service have at least so many instances that run; the names of those that are new.

        Refuses as ``refuse`` does. What of it cannot be made leaves no container behind.
        """
        own = [container for container in self._containers(engine) if self._rests(container)]
        counts = {name: count + sum(container.service == name for container in own) for name, count in counts.items()}
        made = [container.name for container in self.make(engine, counts)]
        self.start(engine, counts)
        return made

    def start(self, engine: Engine, services: Iterable[str]) -> None:
        """Start all instances of these services that are to run."""
        names = set(services)
        self.start_these(
            engine,
            [
                container
                for container in self._containers(engine)
                if container.service in names and not container.running and not self._rests(container)
            ],
        )

    def start_these(self, engine: Engine, stopped: Sequence[Container]) -> None:
        """Start these containers; in one that never ran, do what Compose itself would do after its start."""
        self._start(stopped)
        never_ran = [container for container in stopped if container.state == "created"]
        defined = self.compose.describe().get("services") or {} if never_ran else {}
        for container in never_ran:
            self._greet(engine, container, (defined.get(str(container.service)) or {}).get("post_start") or [])

    def make(self, engine: Engine, counts: Mapping[str, int]) -> list[Container]:
        """As ``bring``, but start nothing; the new containers."""
        before = self._containers(engine)
        present = {name: instances_of(before, self._project.name, name) for name in counts}
        wanted = {name: max(count, len(present[name])) for name, count in counts.items()}
        compose, services = self._examined(engine, wanted, before)
        acts = compose.create(wanted, self._counts(wanted, before, services), self.bound)
        known = {container.id for container in before}
        after = self._containers(engine)
        new = [container for container in after if container.service in counts and container.id not in known]
        others = [
            container
            for container in after
            if container.service not in counts and container.id not in known and _made(container, acts)
        ]
        try:
            for container in new:
                self._refuse_another(engine, container, others, present[str(container.service)])
        except HostSideError:
            _remove(engine, [*new, *others])
            raise
        _remove(engine, others)  # containers of dependencies that nobody asked for
        return new

    def _rests(self, container: Container) -> bool:
        return container.name in self.at_rest and not container.running

    def _containers(self, engine: Engine) -> list[Container]:
        return find_containers(engine, self.socket_path, self._project.name)

    def _examined(
        self, engine: Engine, counts: Mapping[str, int], containers: list[Container]
    ) -> tuple[Compose, dict[str, Any]]:
        """Compose with all profiles that are needed, and the services of its files; nothing there forbids it."""
        configuration = self.compose.describe()
        services = dict(configuration.get("services") or {})
        for name in counts:
            if name not in services:
                raise HostSideError(
                    f"The Compose files in force have no service {name}.", kind="refused", rule="mapping"
                )
            _refuse_content(name, services[name], configuration)
            self._refuse_difference(engine, name, services[name], instances_of(containers, self._project.name, name))
        compose = self.compose.for_project(self._project.with_profiles_of(containers, services))
        acts = compose.would_do(counts, self._counts(counts, containers, services), recreate=False)
        _refuse_more(counts, acts, containers)
        return compose, services

    def _counts(
        self, wanted: Mapping[str, int], containers: list[Container], services: Mapping[str, Any]
    ) -> dict[str, int]:
        """How many instances there are to be, with those of what the services depend on as many as there are."""
        concerned = with_dependencies(wanted, services)
        present = Counter(str(container.service) for container in containers if container.service in concerned)
        return {**present, **wanted}

    @property
    def _project(self) -> Project:
        return self.compose.project

    def _refuse_difference(self, engine: Engine, name: str, service: Mapping[str, Any], own: list[Container]) -> None:
        """Before anything is made: by image and variables, which can be told from the files."""
        image_name = str(service.get("image") or f"{self._project.name}-{name}")
        image = engine.image(image_name)
        if image is None:
            raise HostSideError(f"The image {image_name} of {name} is not on this host.", kind="refused", rule="image")
        sibling = _newest_running(own)
        if sibling is None:
            return
        wanted = environment_wanted(service, image)
        running = environment_of(engine.inspect(sibling.id) or {})
        changed = {variable for variable in {*wanted, *running} if wanted.get(variable) != running.get(variable)}
        named = [] if image.get("Id") == sibling.image_id else ["its image"]
        named += [f"the variable {variable}" for variable in sorted(changed.difference(self.variables.get(name, ())))]
        _refuse_named(name, sibling, named)

    def _refuse_another(
        self, engine: Engine, new: Container, others: Sequence[Container], present: Sequence[Container]
    ) -> None:
        """Before it is started: by all that the engine knows of it."""
        details = engine.inspect(new.id) or {}
        host = details.get("HostConfig") or {}
        shared = [str(host.get(place)) for place in _PLACES] + [str(source) for source in host.get("VolumesFrom") or []]
        lacking = next((container for container in others if any(container.id in place for place in shared)), None)
        if lacking is not None:
            raise HostSideError(
                f"{new.service} is part of {lacking.service}, which has no container here; start that first.",
                kind="refused",
                rule="compose",
            )
        sibling = _newest_running(present)
        running = engine.inspect(sibling.id) if sibling else None
        if sibling and running:
            service = str(new.service)
            ours, command = self.variables.get(service, ()), service in self.commands
            _refuse_named(service, sibling, differences(details, running, ours, command=command))

    def _start(self, containers: Sequence[Container]) -> None:
        def start(container: Container) -> None:
            with Engine(self.socket_path) as engine:
                engine.start(container.id)

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(start, containers))

    def _greet(self, engine: Engine, container: Container, hooks: Iterable[Mapping[str, Any]]) -> None:
        """What Compose itself would do in a container after its start."""
        for hook in hooks:
            command = hook.get("command") or []
            environment = [f"{name}={value}" for name, value in environment_values(hook.get("environment")).items()]
            code, _, _ = engine.run_inside(
                container.id,
                [command] if isinstance(command, str) else list(command),
                user=str(hook.get("user") or ""),
                environment=environment,
                folder=str(hook.get("working_dir") or ""),
                privileged=bool(hook.get("privileged")),
            )
            if code:
                raise HostSideError(
                    f"A post_start hook of {container.service} ended with {code} in {container.name}.", kind="compose"
                )


def count_defined(compose: Compose, service: str) -> int:
    """How many instances of a service the files in force ask for."""
    defined = (compose.describe().get("services") or {}).get(service) or {}
    asked = defined.get("scale", (defined.get("deploy") or {}).get("replicas"))
    return 1 if asked is None else int(asked)


def _newest_running(own: Iterable[Container]) -> Container | None:
    return max(
        (container for container in own if container.running), key=lambda container: container.created_at, default=None
    )


def _made(container: Container, acts: Iterable[ComposeCall]) -> bool:
    """Whether Compose said that it made this container; another may have come from the team meanwhile."""
    return any((act.name, act.verb) == (container.name, "Creating") for act in acts)


def _remove(engine: Engine, containers: Iterable[Container]) -> None:
    """Remove containers that never ran, with the volumes that only they have."""
    for container in containers:
        engine.remove(container.id, volumes=True)


def _refuse_more(counts: Mapping[str, int], acts: Iterable[ComposeCall], containers: Iterable[Container]) -> None:
    """Compose must make instances and nothing else: no network or volume, and nothing of what is there may go."""
    present = {container.name for container in containers}
    more = [
        f"{act.kind.lower()} {act.name} ({act.verb.lower()})"
        for act in acts
        if act.verb not in _HARMLESS or (act.kind != "Container" and act.verb == "Creating")
        if act.kind != "Container" or act.name in present
    ]
    if more:
        raise HostSideError(
            f"For {', '.join(sorted(counts))} Compose would also change {', '.join(dict.fromkeys(more))}; nothing was"
            " touched. The app's own `docker compose up` brings that about.",
            kind="refused",
            rule="compose",
        )


def _refuse_content(name: str, service: Mapping[str, Any], configuration: Mapping[str, Any]) -> None:
    """Compose copies a config or secret without a file into the container at its own start, which is not ours."""
    for kind in ("configs", "secrets"):
        for used in service.get(kind) or []:
            source = used.get("source") if isinstance(used, dict) else used
            known = (configuration.get(kind) or {}).get(source) or {}
            if "content" in known or "environment" in known:
                raise HostSideError(
                    f"{name} has {kind[:-1]} {source} from the text of the Compose files, which only Compose's own"
                    " start brings into a container; give it as a file.",
                    kind="refused",
                    rule="compose",
                )


def _refuse_named(service: str, sibling: Container, named: Sequence[str]) -> None:
    if named:
        raise HostSideError(
            f"A new instance of {service} would not be like {sibling.name}: {', '.join(named)} would be another."
            " The app's own `docker compose up` brings into force what its team has changed.",
            kind="refused",
            rule="compose",
        )
