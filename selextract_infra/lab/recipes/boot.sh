#!/bin/sh
# Process 1 of a lab host until systemd takes over; also runs at every reboot (docker restart).
set -eu

# systemd hands out credentials by a mount that its services have to see, as they do on a real host.
mount --make-shared /run

# The host's own Docker engine needs its cgroups and its kernel settings writable.
mount -o remount,bind,rw /proc/sys
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    mount -o remount,bind,rw /sys/fs/cgroup
    set --
else
    for group in /sys/fs/cgroup/*; do
        if mountpoint -q "$group"; then
            mount -o remount,bind,rw "$group"
        fi
    done
    # systemd 256 and later starts on cgroup v1 only when told twice.
    set -- systemd.unified_cgroup_hierarchy=0 SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1
fi

if [ ! -s /etc/machine-id ]; then
    tr -d - < /proc/sys/kernel/random/uuid > /etc/machine-id
fi
if [ ! -s /etc/ssh/ssh_host_ed25519_key ]; then
    ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
fi
mkdir -p /run/sshd
exec /sbin/init "$@"
