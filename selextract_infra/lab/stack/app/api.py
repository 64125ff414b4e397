"""The API: it reads and writes Postgres, talks to Redis and access tasks to the workers."""

import os
import time
import uuid

import database
import redis
from flask import Flask, jsonify, request
from tasks import browse

app = Flask(__name__)
store = database.pool(int(os.environ.get("DATABASE_POOL", "4")))
cache = redis.Redis.from_url(os.environ["REDIS_URL"], socket_timeout=5)

SUMMARY = """
SELECT count(*)                                              AS enqueued,
       count(*) FILTER (WHERE started > 0)                   AS started,
       count(*) FILTER (WHERE completed > 0)                 AS completed,
       count(*) FILTER (WHERE started > 1 OR completed > 1)  AS doubled
FROM tasks
LEFT JOIN LATERAL (
    SELECT count(*) FILTER (WHERE kind = 'started') AS started,
           count(*) FILTER (WHERE kind = 'completed') AS completed
    FROM task_events WHERE task = tasks.id
) AS events ON true
WHERE batch = %s
"""


def key_of_request():
    """A repeated request carries the same key and is answered without doing the work again."""
    return request.headers.get("Idempotency-Key") or str(uuid.uuid4())


@app.get("/api/v1/health")
def health():
    with store.connection() as connection:
        connection.execute("SELECT 1")
    cache.ping()
    return jsonify(status="ok")


@app.get("/api/v1/items")
def items():
    with store.connection() as connection:
        rows = connection.execute("SELECT id, name FROM items ORDER BY id DESC LIMIT 20").fetchall()
    cache.incr("items:read")
    return jsonify([{"id": number, "name": name} for number, name in rows])


@app.post("/api/v1/items")
def add_item():
    name = str((request.get_json(silent=True) or {}).get("name", "unnamed"))
    with store.connection() as connection:
        connection.execute(
            "INSERT INTO items (key, name) VALUES (%s, %s) ON CONFLICT (key) DO NOTHING", [key_of_request(), name]
        )
    return jsonify(name=name), 201


@app.get("/api/v1/slow")
def slow():
    """Answers after the asked number of seconds, as a long report would."""
    seconds = min(30.0, max(0.0, float(request.args.get("seconds", "2"))))
    cache.incr("slow:begun")
    time.sleep(seconds)
    return jsonify(seconds=seconds)


@app.get("/api/v1/stream")
def stream():
    """A line each second for a long time, as server-sent events are."""

    def lines():
        for number in range(600):
            yield f"data: {number}\n\n"
            time.sleep(1)

    return app.response_class(lines(), mimetype="text/event-stream")


@app.post("/api/v1/tasks")
def enqueue():
    wanted = request.get_json(silent=True) or {}
    task = key_of_request()
    batch = str(wanted.get("batch", "none"))
    work = {name: wanted[name] for name in ("seconds", "cpu", "memory") if name in wanted}
    with store.connection() as connection:
        new = connection.execute(
            "INSERT INTO tasks (id, batch) VALUES (%s, %s) ON CONFLICT (id) DO NOTHING RETURNING id", [task, batch]
        ).fetchone()
        if new:
            # Inside the transaction: a task that cannot be queued is not recorded either.
            browse.apply_async(args=[task, batch], kwargs=work, task_id=task)
    return jsonify(id=task), 201


@app.get("/api/v1/tasks/summary")
def summary():
    with store.connection() as connection:
        row = connection.execute(SUMMARY, [request.args.get("batch", "none")]).fetchone()
    return jsonify(dict(zip(("enqueued", "started", "completed", "doubled"), row, strict=True)))
