"""The shop's worker with Celery."""

import os
import socket
import threading
import time

import psycopg
from celery import Celery
from celery.signals import worker_ready
from tables import connect, made

app = Celery("tasks", broker=os.environ["REDIS_URL"])
app.conf.update(
    task_ignore_result=True, broker_connection_retry_on_startup=True, broker_connection_max_retries=None,
    task_acks_late=True, worker_prefetch_multiplier=1, broker_transport_options={"visibility_timeout": 600},
)  # fmt: skip
kept = None


def write(statement, values):
    global kept
    for _ in range(120):
        try:
            if kept is None or kept.closed:
                kept = made(connect())
            return kept.execute(statement, values)
        except psycopg.Error:
            kept = None
            time.sleep(0.5)
    raise RuntimeError("the database does not come back")


@app.task
def book(task):
    time.sleep(0.3)
    write("INSERT INTO task_ends (task) VALUES (%s)", [task])


def present():
    while True:
        try:
            with connect() as connection:
                made(connection)
                while True:
                    connection.execute(
                        "INSERT INTO consumers VALUES (%s, now()) ON CONFLICT (host) DO UPDATE SET at = now()",
                        [socket.gethostname()],
                    )
                    time.sleep(2)
        except psycopg.Error:
            time.sleep(1)


@worker_ready.connect
def begin(**_):
    threading.Thread(target=present, daemon=True).start()
