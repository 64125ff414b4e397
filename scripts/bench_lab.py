"""On the lab: our way of changing nothing against plain Ansible and plain Compose, and what observing costs."""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

import yaml
from paired import pairs, seconds

from selextract_infra.lab import Lab

BIN = Path(sys.executable).parent
PROGRAM = str(BIN / "selextract-infra")
ROUNDS = 7


def main() -> None:
    """Bring a lab up, measure, print."""
    lab = Lab("bench")
    state = lab.up("multi", on_progress=lambda line: print(f"  {line}", file=sys.stderr))
    try:
        with tempfile.TemporaryDirectory() as journal:
            _measure(lab, state.inventory, journal)
    finally:
        lab.down()


def _measure(lab: Lab, inventory: Path, journal: str) -> None:
    ours = [PROGRAM, "rightsize", "-i", str(inventory), "-l", "app1", "--state", journal, "--apply", "--yes"]
    seconds([PROGRAM, "sampler", "-i", str(inventory), "--state", journal])
    with lab.load(rps=10, tasks_per_hour=600) as load:
        load.wait_for_requests(900)
    seconds(ours)
    hand = [str(BIN / "ansible-playbook"), "-i", str(inventory), "-l", "app1", "selextract.infra.rightsize"]
    print(pairs(ours, hand, ROUNDS).line("rightsize --apply, no change, against ansible-playbook", 1.2))
    compose = _ssh(lab, "cd /opt/selextract && docker compose up -d")
    print(pairs(ours, compose, ROUNDS).line("rightsize --apply, no change, against ssh compose up -d", 1.6))
    _observing(lab, inventory, journal)
    _sampler(lab)


def _observing(lab: Lab, inventory: Path, journal: str) -> None:
    addresses = {host.name: host.address for host in lab.state().hosts}
    hosts = {**addresses, "db3-again": addresses["db3"]}
    for count in (1, 2, 4):
        with tempfile.TemporaryDirectory() as folder:
            chosen = _inventory(inventory, Path(folder), dict(list(hosts.items())[:count]))
            command = [PROGRAM, "observe", "-i", str(chosen), "--state", journal]
            seconds(command)
            taken = statistics.median(seconds(command) for _ in range(ROUNDS))
        print(f"observe, {count} hosts {'':<36} {taken:7.2f} s")


def _inventory(original: Path, folder: Path, addresses: dict[str, str]) -> Path:
    source = original / "hosts.yml" if original.is_dir() else original
    content = yaml.safe_load(source.read_text())
    hosts = content["all"]["hosts"]
    template = next(iter(hosts.values()))
    content["all"]["hosts"] = {
        name: {**hosts.get(name, template), "ansible_host": address} for name, address in addresses.items()
    }
    content["all"].pop("children", None)
    target = folder / "hosts.yml"
    target.write_text(yaml.safe_dump(content))
    return target


def _sampler(lab: Lab) -> None:
    shown = lab.ssh(
        "app1",
        "systemctl show selextract-sampler -p MemoryCurrent;"
        " ps -o etimes=,cputimes= -p $(systemctl show selextract-sampler -p MainPID --value)",
    ).stdout
    print("the sampler's own cost on the host (lab: a sample every second):")
    print("  " + shown.strip().replace("\n", "\n  "))


def _ssh(lab: Lab, command: str) -> list[str]:
    state = lab.state()
    return [
        "ssh", "-o", "BatchMode=yes", "-o", f"UserKnownHostsFile={state.known_hosts}", "-i", str(state.key),
        f"root@{state.host('app1').address}", command,
    ]  # fmt: skip


if __name__ == "__main__":
    main()
