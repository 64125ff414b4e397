"""Tasks put into Redis by the libraries that apps use: ``python task_clients.py ADDRESS PORT``.

It says ``ready`` when all stand there, keeps what it holds until its input ends, and then leaves.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import sys
import time
from datetime import timedelta

from bullmq import Queue as BullQueue
from bullmq import Worker as BullWorker
from celery import Celery
from redis import Redis
from rq import Queue, SimpleWorker

CELERY, PREFIXED, RQ, BULLMQ, SIDEKIQ = range(1, 6)
DAY = 86_400


ADDRESS, PORT = sys.argv[1], int(sys.argv[2])


def url(database: int) -> str:
    return f"redis://{ADDRESS}:{PORT}/{database}"


def redis_of(database: int) -> Redis:
    return Redis.from_url(url(database))


def hold(app: Celery, connection: object, count: int) -> None:
    """Take messages as a worker does, and confirm none."""
    queue = app.amqp.queues["celery"](connection)
    for _ in range(count):
        assert queue.get(no_ack=False) is not None


def celery() -> list[object]:
    """Priorities, two queues, tasks of tomorrow; then the like with a prefix, a separator and all priorities."""
    app = Celery(broker=url(CELERY), set_as_current=False)
    for number in range(100):
        app.send_task("work", args=['"eta": "2099-01-01T00:00:00"'], priority=(0, 0, 6, 9)[number % 4])
    for _ in range(7):
        app.send_task("mail", queue="mail")
    connection = app.connection_for_read()
    hold(app, connection, 3)
    for _ in range(5):
        app.send_task("later", countdown=DAY)
    held = app.connection_for_read()

    own = {"global_keyprefix": "shop:", "sep": ":", "priority_steps": list(range(10))}
    other = Celery(broker=url(PREFIXED), set_as_current=False, broker_transport_options=own)
    for _ in range(2):
        other.send_task("later", countdown=DAY)
    prefixed = other.connection_for_read()
    hold(other, prefixed, 2)
    for number in range(8):
        other.send_task("work", priority=number % 2)
    return [connection, held, prefixed]


def rq() -> multiprocessing.Process:
    redis = redis_of(RQ)
    queue, low = Queue("default", connection=redis), Queue("low", connection=redis)
    first = queue.enqueue("time.sleep", 600)
    worker = multiprocessing.Process(target=work_off, daemon=True)
    worker.start()
    while queue.count:
        time.sleep(0.05)
    for _ in range(6):
        queue.enqueue("time.sleep", 0)
    for _ in range(3):
        low.enqueue("time.sleep", 0)
    for _ in range(4):
        queue.enqueue_in(timedelta(days=1), "time.sleep", 0)
    queue.enqueue("time.sleep", 0, depends_on=first)
    return worker


def work_off() -> None:
    redis = redis_of(RQ)
    SimpleWorker([Queue("default", connection=redis)], connection=redis).work(
        burst=True, max_jobs=1, logging_level="WARNING"
    )


async def bullmq() -> list[object]:
    options = {"connection": url(BULLMQ)}
    queue, halted = BullQueue("work", options), BullQueue("halted", options)
    for _ in range(6):
        await queue.add("plain", {})
    worker = BullWorker("work", None, {**options, "autorun": False})
    await worker.getNextJob("a-token")
    for _ in range(3):
        await queue.add("urgent", {}, {"priority": 2})
    for _ in range(2):
        await queue.add("later", {}, {"delay": DAY * 1000})
    for _ in range(4):
        await halted.add("plain", {})
    await halted.pause()
    return [queue, halted, worker]


def sidekiq() -> None:
    """As Sidekiq 7 keeps it: a list for each queue, sets of what is for later, a hash of what a process works on."""
    redis, now = redis_of(SIDEKIQ), time.time()
    redis.sadd("queues", "default", "mailers")
    for number in range(11):
        redis.lpush("queue:default", json.dumps({"class": "Work", "queue": "default", "jid": str(number)}))
    redis.lpush("queue:mailers", json.dumps({"class": "Mail", "queue": "mailers"}))
    later = [json.dumps({"class": "Work", "queue": "default", "jid": f"later{number}"}) for number in range(6)]
    redis.zadd("schedule", {later[0]: now - 1, **dict.fromkeys(later[1:4], now + DAY)})
    redis.zadd("retry", dict.fromkeys(later[4:], now + DAY))
    redis.sadd("processes", "app:1:abc")
    redis.hset("app:1:abc", "busy", "2")
    for thread in ("a", "b"):
        work = {"queue": "default", "payload": json.dumps({"queue": "default"}), "run_at": int(now)}
        redis.hset("app:1:abc:work", thread, json.dumps(work))


def main() -> None:
    held = celery()
    worker = rq()
    sidekiq()
    loop = asyncio.new_event_loop()
    held += loop.run_until_complete(bullmq())
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.read()
    worker.kill()


if __name__ == "__main__":
    main()
