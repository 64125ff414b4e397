"""Gunicorn for the API and the frontend; it is process 1 of its container and stops gracefully on SIGTERM."""

import os

worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "1"))
threads = 8
backlog = 512
max_requests = int(os.environ.get("MAX_REQUESTS", "0"))
max_requests_jitter = int(os.environ.get("MAX_REQUESTS_JITTER", "0"))
graceful_timeout = 25
timeout = 60
keepalive = 5
