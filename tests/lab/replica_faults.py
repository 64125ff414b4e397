"""Faults of a replica, made on real hosts: each function breaks one thing on ``db3`` and returns what mends it."""

from __future__ import annotations

from collections.abc import Callable

from selextract_infra.lab import Lab
from tests.lab.replication import psql

__all__ = ["FAULTS", "Mend"]

Mend = Callable[[], None]

HOST = "db3"
CONTAINER = "selextract-replica-postgres-1"
PLACE = "$(docker volume inspect -f '{{.Mountpoint}}' selextract-replica-data)"
HBA = "/var/lib/postgresql/data/pgdata/pg_hba.conf"
# The C library's own version, as Postgres asks for it, is the end of such a text.
AGE = (
    "import pathlib, sys; path = pathlib.Path(sys.argv[1]); old = path.read_bytes();"
    " new = old.replace(b' ' + sys.argv[2].encode() + b'\\\\0', b' ' + sys.argv[3].encode() + b'\\\\0');"
    " assert new != old; other = path.with_suffix('.new'); other.write_bytes(new); other.chmod(0o755);"
    " other.replace(path)"
)


def on_host(lab: Lab, command: str, host: str = HOST) -> str:
    """What a command prints; it must succeed."""
    done = lab.ssh(host, command, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout).strip()


def stopped(lab: Lab, command: str) -> None:
    """Do something on the host while the replica does not run."""
    on_host(lab, f"docker stop {CONTAINER} && {command} && docker start {CONTAINER}")


def connect_anew(lab: Lab) -> None:
    """Reload the primary and let the replica connect again."""
    psql(lab, "app1", "SELECT pg_reload_conf()")
    psql(lab, "app1", "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name ~ 'db3'")


def no_hba_line(lab: Lab) -> Mend:
    edit = "docker exec -u postgres selextract-postgres-1 sed -i"
    on_host(lab, f"{edit} 's/^hostssl replication selextract_db3/#&/' {HBA}", "app1")
    connect_anew(lab)

    def mend() -> None:
        on_host(lab, f"{edit} 's/^#hostssl rep/hostssl rep/' {HBA}", "app1")
        psql(lab, "app1", "SELECT pg_reload_conf()")

    return mend


def wrong_password(lab: Lab) -> Mend:
    before = psql(lab, "app1", "SELECT rolpassword FROM pg_authid WHERE rolname = 'selextract_db3'")
    psql(lab, "app1", "ALTER ROLE selextract_db3 PASSWORD 'another'")
    connect_anew(lab)

    def mend() -> None:
        psql(lab, "app1", f"ALTER ROLE selextract_db3 PASSWORD '{before}'")

    return mend


def empty_volume(lab: Lab) -> Mend:
    stopped(lab, f"mv {PLACE}/data {PLACE}/away")
    return lambda: stopped(lab, f"mv {PLACE}/away {PLACE}/data")


def full_disk(lab: Lab) -> Mend:
    """The replica's data lie on a disk of their own, which somebody else fills while the primary writes on."""
    disk = "/srv/data/replica"
    stopped(lab, f"mkdir {disk} && cp -a {PLACE}/data {disk}/ && mount --bind {disk}/data {PLACE}/data")
    on_host(lab, "fallocate -l $(df --output=avail -B1 /srv/data | tail -1) /srv/data/filler; dd if=/dev/zero"
                 " of=/srv/data/rest bs=4k 2>/dev/null; true")  # fmt: skip
    for _ in range(3):
        psql(lab, "app1", "SELECT pg_switch_wal()")

    def mend() -> None:
        on_host(lab, "rm -f /srv/data/filler /srv/data/rest")
        stopped(lab, f"umount {PLACE}/data && rm -rf {PLACE}/data && mv {disk}/data {PLACE}/ && rmdir {disk}")

    return mend


def another_version(lab: Lab) -> Mend:
    stopped(lab, f"echo 16 > {PLACE}/data/PG_VERSION")
    return lambda: stopped(lab, f"echo 17 > {PLACE}/data/PG_VERSION")


def another_collation(lab: Lab) -> Mend:
    """A database of a locale that has a version, and on the replica a C library that calls itself older."""
    locales = "/usr/lib/locale"
    on_host(lab, f"docker exec -u root selextract-postgres-1 cp -r {locales}/C.utf8 {locales}/xx_XX.utf8", "app1")
    psql(lab, "app1", "CREATE DATABASE sorted TEMPLATE template0 LOCALE 'xx_XX.UTF-8'")
    version = psql(lab, "app1", "SELECT datcollversion FROM pg_database WHERE datname = 'sorted'")
    library = on_host(lab, f"docker exec {CONTAINER} sh -c 'ls -d /usr/lib/*/libc.so.6'")

    def call(old: str, new: str) -> None:
        on_host(lab, f'docker exec -u root {CONTAINER} python3 -c "{AGE}" {library} {old} {new}')
        on_host(lab, f"docker restart {CONTAINER}")

    older = version[:-1] + str((int(version[-1]) + 9) % 10)
    call(version, older)

    def mend() -> None:
        call(older, version)
        psql(lab, "app1", "DROP DATABASE sorted")
        on_host(lab, f"docker exec -u root selextract-postgres-1 rm -r {locales}/xx_XX.utf8", "app1")

    return mend


FAULTS: dict[str, tuple[Callable[[Lab], Mend], str]] = {
    "a missing pg_hba line": (no_hba_line, "pg_hba.conf has no line"),
    "a wrong password": (wrong_password, "does not accept the replica's password"),
    "an empty volume": (empty_volume, "volume is empty"),
    "a full disk": (full_disk, "disk of the replica's host is full"),
    "another version": (another_version, "data are of PostgreSQL 16"),
    "another collation": (another_collation, "sorts text by other rules"),
}
