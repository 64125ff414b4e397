"""The workers' tasks. One task stands for one browser and the task around it, at an eighth of the guide's memory."""

import os
import pathlib
import socket
import tempfile
import time

import database
from celery import Celery
from celery.signals import heartbeat_sent, worker_process_init

MEGABYTE = 1024 * 1024
# A browser of 512 MB and a task of 256 MB, at one eighth.
BROWSER_MEMORY = 96 * MEGABYTE
PAGE = 4096
HEARTBEAT = pathlib.Path(tempfile.gettempdir()) / "worker.heartbeat"

app = Celery("tasks", broker=os.environ["REDIS_URL"])
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    # Longer than the longest task, or a task that still runs is handed to another worker.
    broker_transport_options={"visibility_timeout": 3600},
)

store = None


@worker_process_init.connect
def open_store(**_):
    global store
    store = database.pool(1)


@heartbeat_sent.connect
def touch_heartbeat(**_):
    HEARTBEAT.touch()


def record(kind, task, batch):
    with store.connection() as connection:
        connection.execute(
            "INSERT INTO task_events (task, batch, kind, worker) VALUES (%s, %s, %s, %s)",
            [task, batch, kind, socket.gethostname()],
        )


@app.task(name="browse")
def browse(task, batch, seconds=2.0, cpu=0.2, memory=BROWSER_MEMORY):
    """Hold ``memory`` bytes for ``seconds``, computing for the share ``cpu`` of that time."""
    record("started", task, batch)
    page = bytearray(int(memory))
    for offset in range(0, len(page), PAGE):
        page[offset] = 1
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        busy_until = time.thread_time() + 0.1 * cpu
        while time.thread_time() < busy_until:
            sum(range(1000))
        time.sleep(0.1 * (1 - cpu))
    del page
    record("completed", task, batch)
