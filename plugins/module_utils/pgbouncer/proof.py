"""The proof that PgBouncer serves the app: a login and a query with the app's own address, from the app's own network.

It comes before anything is led to PgBouncer, so an address that does not get through touches no instance.
"""

from __future__ import annotations

from ..docker.containers import Container
from ..docker.network_namespace import connected_inside
from ..postgres.dsn import login_of, read_address
from ..postgres.wire import Wire, WireRefusedError
from ..system.failure import HostSideError

__all__ = ["prove_ways"]

_FALLBACK = "PGPASSWORD"
_TOO_MANY = "53300"  # Postgres' code where a role or a database has all of its connections
_ASK = "SELECT current_database() AS database, current_user AS role"


def prove_ways(
    environments: dict[str, dict[str, str]],
    variables: dict[str, str],
    instances: list[Container],
    pooler: tuple[str, int, str],
    timeout: float,
) -> list[str]:
    """Log in as each service would, through ``pooler`` (its name, port and address on the app's network).

    ``environments`` are the services' own as the Compose files give them, ``variables`` which of them is the address.
    Returns the services that could not be proved yet: their address says no password, or the app itself has all the
    connections that its role may have, which their instances give back as they are led over. Raises ``HostSideError``
    of kind ``gate`` for one that does not get through; nothing secret is in it.
    """
    unproved = []
    for service, variable in sorted(variables.items()):
        environment = environments.get(service, {})
        address = environment.get(variable, "")
        login = login_of(address, environment.get(_FALLBACK))
        instance = next((instance for instance in instances if instance.service == service and instance.running), None)
        if login is None or instance is None:
            unproved.append(service)
            continue
        host, port, wanted = pooler
        try:
            connection = connected_inside(instance.pid, host, port, wanted=wanted, timeout=timeout)
            with Wire(connection, login, timeout=timeout) as wire:
                rows = wire.rows(_ASK)
        except HostSideError as failure:
            if isinstance(failure, WireRefusedError) and failure.code == _TOO_MANY:
                unproved.append(service)
                continue
            raise HostSideError(
                f"{service} does not get through PgBouncer with its own {variable}: {failure.sentence}", kind="gate"
            ) from failure
        if rows != [{"database": read_address(address).database, "role": login.user}]:
            raise HostSideError(f"{service} gets to another database through PgBouncer.", kind="gate")
    return unproved
