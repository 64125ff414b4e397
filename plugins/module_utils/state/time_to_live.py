"""The end of an emergency by itself: a timer on the host that needs no control machine and outlives a reboot (X-17).

What it starts is the host's program that began the emergency, so that what was noted is put back by the code that noted
it.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from datetime import datetime, timezone

from ..system.failure import HostSideError
from ..system.systemctl import systemctl
from .emergency import Emergency
from .host_program import KeptProgram
from .runs import moment
from .state import StateFolder, sync_folder, write_whole

__all__ = ["END", "TIMER", "arm", "disarm", "end_undone"]

END = "end-emergency"  # what the host's program is asked for
TIMER = "selextract-emergency.timer"
_SERVICE = "selextract-emergency.service"
_UNITS = "/etc/systemd/system"
_OF_VERSION_0_1 = "emergency.pyz"
_BOUND = 900.0  # seconds that putting back may take

_SERVICE_TEXT = """\
# Written by selextract-infra: takes an emergency back when its time is over.
[Unit]
Description=End of an emergency (selextract-infra)
Wants=docker.service
After=docker.service selextract-infra-carry.service

[Service]
Type=oneshot
ExecStart={command}
TimeoutStartSec={bound}
UMask=0077
NoNewPrivileges=yes
PrivateTmp=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectClock=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
"""
# The second line tries again each minute where the first time did not succeed.
_TIMER_TEXT = """\
# Written by selextract-infra: when an emergency ends by itself.
[Unit]
Description=Time to live of an emergency (selextract-infra)

[Timer]
OnCalendar={at:%Y-%m-%d %H:%M:%S} UTC
OnCalendar=minutely
Persistent=true
AccuracySec=1s

[Install]
WantedBy=timers.target
"""


def arm(program: KeptProgram, folder: StateFolder, expires_at: float, units: str = _UNITS) -> None:
    """Let systemd end the emergency at that Unix time, also after a reboot; every minute anew until it succeeds."""
    at = datetime.fromtimestamp(round(expires_at), timezone.utc)
    service = _SERVICE_TEXT.format(command=" ".join(program.command(END, folder.path)), bound=int(_BOUND))
    known = os.path.exists(os.path.join(units, TIMER))
    try:
        write_whole(os.path.join(units, _SERVICE), service.encode(), mode=0o644)
        write_whole(os.path.join(units, TIMER), _TIMER_TEXT.format(at=at).encode(), mode=0o644)
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(folder.path, _OF_VERSION_0_1))
    except OSError as problem:
        reason = problem.strerror or problem
        raise HostSideError(f"{units} cannot be written ({reason}), so nothing was touched.", kind="state") from problem
    if known:  # enabling reads new units anyway, and only those
        systemctl("daemon-reload")
    systemctl("enable", "--now", TIMER)


def disarm(units: str = _UNITS, *, entirely: bool = True) -> None:
    """Take the timer away; none there is fine. The service takes itself away with ``entirely`` only: it still runs."""
    if os.path.exists(os.path.join(units, TIMER)):
        systemctl("disable", "--now", TIMER)
    present = [name for name in (TIMER, _SERVICE) if os.path.exists(os.path.join(units, name))]
    leaving = [name for name in present if entirely or name == TIMER]
    for name in leaving:
        os.unlink(os.path.join(units, name))
    if leaving:
        sync_folder(units)
        systemctl("daemon-reload")


def end_undone(folder: StateFolder, run_id: str, units: str = _UNITS) -> None:
    """The emergency of a Run that was put back is over, and its timer has nothing to do any more."""
    emergency = Emergency(folder)
    if not emergency.open or emergency.run_id != run_id:
        return
    began = bool(emergency.content.get("set"))
    emergency.note(
        status="reverted" if began else "failed",
        reverted_at=moment(time.time()),
        reverted_by="rollback" if began else "the host",
    )
    disarm(units)
