"""The shop's worker over a plain Redis list. A task stays in the worker's own list until its end is written down."""

import os
import signal
import socket
import threading
import time

import psycopg
import redis
from tables import connect, made

me = socket.gethostname()
stopping = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stopping.set())
signal.signal(signal.SIGINT, lambda *_: stopping.set())


class Database:
    def __init__(self):
        self.open = None

    def write(self, statement, values):
        """Until it is written: the database may be away for a minute."""
        for _ in range(120):
            try:
                if self.open is None or self.open.closed:
                    self.open = made(connect())
                return self.open.execute(statement, values)
            except psycopg.Error:
                self.open = None
                time.sleep(0.5)
        raise SystemExit("the database does not come back")


def take_over(queue):
    """Tasks of workers that are gone go back to the queue."""
    for name in queue.keys("busy:*"):
        owner = name.decode().split(":")[1]
        if owner != me and not queue.exists(f"alive:{owner}"):
            while queue.lmove(name, "tasks", "RIGHT", "RIGHT"):
                pass


def consume(number):
    queue, database, busy = (
        redis.Redis.from_url(os.environ["REDIS_URL"], socket_timeout=10),
        Database(),
        f"busy:{me}:{number}",
    )
    looked = 0.0
    while not stopping.is_set():
        try:
            if time.time() - looked > 2:
                queue.set(f"alive:{me}", "1", ex=15)
                take_over(queue)
                database.write(
                    "INSERT INTO consumers VALUES (%s, now()) ON CONFLICT (host) DO UPDATE SET at = now()", [me]
                )
                looked = time.time()
            task = queue.blmove("tasks", busy, 1, "RIGHT", "LEFT")
            if task is None:
                continue
            time.sleep(0.3)
            database.write("INSERT INTO task_ends (task) VALUES (%s)", [task.decode()])
            queue.lrem(busy, 1, task)
        except redis.RedisError:
            time.sleep(0.5)


threads = [
    threading.Thread(target=consume, args=[number]) for number in range(int(os.environ.get("WORKER_CONCURRENCY", "2")))
]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
