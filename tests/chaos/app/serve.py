"""A small shop of somebody else's: orders go to Postgres, tasks to Redis. A WSGI application."""

import json
import os
import time

import redis
from tables import connect, made

time.sleep(float(os.environ.get("SLOW_START", "0")))
queue = redis.Redis.from_url(os.environ["REDIS_URL"], socket_timeout=5, socket_connect_timeout=5)
open_connection = None


def connection():
    global open_connection
    if open_connection is None or open_connection.closed or open_connection.broken:
        open_connection = made(connect())
    return open_connection


def query(statement, values=()):
    """Twice, because the first connection may have been cut while nobody used it."""
    global open_connection
    try:
        return connection().execute(statement, values)
    except Exception:
        open_connection = None
        return connection().execute(statement, values)


def send(task):
    if os.environ.get("QUEUE_KIND") == "celery":
        from tasks import book

        book.apply_async([task], task_id=task)
    else:
        queue.lpush("tasks", task)


def answer(path):
    _, what, *rest = path.split("/")
    if what == "health":
        query("SELECT 1")
        queue.ping()
    elif what == "orders":
        query("INSERT INTO orders (id) VALUES (%s) ON CONFLICT DO NOTHING", [rest[0]])
    elif what == "count":
        return {"orders": query("SELECT count(*) FROM orders").fetchone()[0]}
    elif what == "tasks":
        send(rest[0])
    else:
        return None
    return {"done": what}


def app(environ, start_response):
    try:
        body = answer(environ["PATH_INFO"])
        status = "200 OK" if body is not None else "404 Not Found"
    except Exception as problem:
        body, status = {"problem": f"{type(problem).__name__}: {problem}"[:300]}, "503 Service Unavailable"
    data = json.dumps(body).encode()
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(data)))])
    return [data]
