"""On the lab host: orders and tasks, each sent once, until /root/chaos/stop is there; a line of JSON each."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import urllib.request

URL = sys.argv[1]
LOG = open("/root/chaos/load.jsonl", "w", buffering=1, encoding="utf-8")  # noqa: SIM115 - open for as long as this program runs
LOCK = threading.Lock()


def send(kind: str, identity: str) -> None:
    """One request."""
    begun, problem = time.time(), ""
    try:
        with urllib.request.urlopen(f"{URL}/{kind}/{identity}", timeout=20) as response:
            response.read()
    except OSError as failure:
        problem = f"{type(failure).__name__}: {failure}"[:160]
    line = {"kind": kind, "id": identity, "at": begun, "seconds": round(time.time() - begun, 2), "problem": problem}
    with LOCK:
        LOG.write(json.dumps(line) + "\n")


def drive(kind: str, rate: float) -> None:
    """So many a second."""
    number = 0
    while not os.path.exists("/root/chaos/stop"):
        number += 1
        threading.Thread(target=send, args=[kind, f"{kind}-{number}"]).start()
        time.sleep(1 / rate)


for kind, rate in (("orders", float(sys.argv[2])), ("tasks", float(sys.argv[3]))):
    threading.Thread(target=drive, args=[kind, rate]).start()
