#!/bin/sh
# Celery replaces this shell and is process 1, so that SIGTERM is its warm shutdown: finish, then leave.
exec celery --app tasks worker --loglevel WARNING --concurrency "${CELERY_CONCURRENCY:-2}" \
    --prefetch-multiplier "${CELERY_PREFETCH:-1}" \
    --without-gossip --without-mingle
