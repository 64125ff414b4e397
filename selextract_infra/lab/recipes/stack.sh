#!/bin/sh
# The one image of the guide's stack: every service runs it with another command.
set -eu
export DEBIAN_FRONTEND=noninteractive
# No cluster is created while Postgres is installed; the container makes its own.
mkdir -p /etc/postgresql-common
echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf

apt-get -q -y install python3 python3-flask python3-psycopg python3-psycopg-c python3-psycopg-pool python3-redis \
    python3-celery celery gunicorn redis-server postgresql-17 nginx-light haproxy pgbouncer curl iproute2 procps

# JIT compilation needs a 130 MB library that a database of this size never uses.
rm -f /usr/lib/postgresql/17/lib/llvmjit.so /usr/lib/*/libLLVM.so.19* /usr/lib/llvm-19/lib/*.so*
rm -rf /usr/lib/postgresql/17/lib/bitcode

install -d -m 0700 -o postgres -g postgres /var/lib/postgresql/data
install -d -m 0750 -o redis -g redis /var/lib/redis
install -d -o postgres -g postgres /run/postgresql
useradd --system --create-home --home-dir /home/app app
rm -f /etc/nginx/sites-enabled/default
apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /usr/share/doc/* /usr/share/man/* /usr/share/locale/*
