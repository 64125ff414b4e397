"""The hardware of a lab host beside its memory and cores: its data disk and the bandwidth of its network.

What is set here lasts over a reboot of the host: a unit of the host puts it into force when it boots.
"""

from __future__ import annotations

from selextract_infra.lab.disk import DEVICE
from selextract_infra.lab.host import Host

__all__ = ["DATA_FOLDER", "bandwidth", "install", "set_bandwidth"]

DATA_FOLDER = "/srv/data"
_RATE = "/etc/lab/bandwidth"
# xfs, because growing ext4 in use takes a capability that not every machine has (CAP_SYS_RESOURCE).
_SCRIPT = f"""\
#!/bin/sh
# Mount the data disk where there is one, and shape what leaves this host.
set -eu
mkdir -p {DATA_FOLDER}
if [ -b {DEVICE} ] && ! mountpoint -q {DATA_FOLDER}; then
    blkid {DEVICE} >/dev/null || mkfs.xfs -q {DEVICE}
    mount {DEVICE} {DATA_FOLDER}
fi
tc qdisc replace dev eth0 root tbf rate "$(cat {_RATE})bit" burst 8mb latency 100ms
"""
_UNIT = """\
[Unit]
Description=Data disk and bandwidth of this lab host
Before=docker.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/lab-hardware

[Install]
WantedBy=multi-user.target
"""


def install(host: Host, bits: int) -> None:
    """Give the host its data disk's file system and its bandwidth (bits per second), where it has none yet."""
    if host.execute("sh", "-c", f"test -e {_RATE} || echo missing"):
        host.execute("mkdir", "-p", "/etc/lab")
        host.execute("install", "-m", "0755", "/dev/stdin", "/usr/local/sbin/lab-hardware", feed=_SCRIPT.encode())
        unit = "/etc/systemd/system/lab-hardware.service"
        host.execute("install", "-m", "0644", "/dev/stdin", unit, feed=_UNIT.encode())
        host.execute("systemctl", "enable", "--quiet", "lab-hardware.service")
        _write_rate(host, bits)
    host.execute("/usr/local/sbin/lab-hardware")


def set_bandwidth(host: Host, bits: int) -> None:
    """Change what the host may send, in bits per second, at once and for good."""
    _write_rate(host, bits)
    host.execute("/usr/local/sbin/lab-hardware")


def bandwidth(host: Host) -> int:
    """What the host may send, in bits per second."""
    return int(host.execute("cat", _RATE))


def _write_rate(host: Host, bits: int) -> None:
    host.execute("install", "-m", "0644", "/dev/stdin", _RATE, feed=f"{bits}\n".encode())
