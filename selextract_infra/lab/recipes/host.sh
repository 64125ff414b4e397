#!/bin/sh
# A lab host: systemd, sshd, Python, sudo and an own Docker engine with Compose v2. Debian 13 or Ubuntu 22.04 and later.
set -eu
export DEBIAN_FRONTEND=noninteractive

install_present() {
    for package in "$@"; do
        if apt-cache show "$package" >/dev/null 2>&1; then
            apt-get -q -y install "$package"
        fi
    done
}

apt-get -q -y install systemd systemd-sysv dbus openssh-server python3 python3-apt sudo iproute2 iptables procps \
    ca-certificates curl xfsprogs docker.io
install_present docker-cli docker-buildx
# Compose v2 is called docker-compose in Debian 13 and docker-compose-v2 in Ubuntu.
if apt-cache show docker-compose-v2 >/dev/null 2>&1; then
    apt-get -q -y install docker-compose-v2
else
    apt-get -q -y install docker-compose
fi
docker compose version

# Nothing here belongs to a virtual server: no consoles, no device manager, no clock to set.
systemctl mask systemd-modules-load.service getty.target console-getty.service systemd-udevd.service systemd-udev-trigger.service \
    systemd-timesyncd.service systemd-networkd-wait-online.service apt-daily.timer apt-daily-upgrade.timer \
    e2scrub_all.timer fstrim.timer sys-kernel-debug.mount sys-kernel-tracing.mount dev-hugepages.mount dev-mqueue.mount
systemctl set-default multi-user.target
systemctl enable ssh.service docker.service

mkdir -p /etc/docker /etc/systemd/journald.conf.d
cat > /etc/docker/daemon.json <<'CONF'
{"log-driver": "json-file", "log-opts": {"max-size": "5m", "max-file": "2"}, "shutdown-timeout": 45}
CONF
cat > /etc/systemd/journald.conf.d/lab.conf <<'CONF'
[Journal]
SystemMaxUse=50M
CONF

# Root logs in by key; ops logs in by key too and needs a password for sudo, as on many real servers.
cat > /etc/ssh/sshd_config.d/lab.conf <<'CONF'
PasswordAuthentication no
PermitRootLogin prohibit-password
UseDNS no
CONF
# OpenSSH 9.8 and later turns away who fails to log in too often; whoever tries that out here is always the same machine.
install -d -m 0755 /run/sshd
echo 'PerSourcePenalties no' > /etc/ssh/sshd_config.d/penalties.conf
/usr/sbin/sshd -t || rm /etc/ssh/sshd_config.d/penalties.conf
useradd --create-home --shell /bin/bash --groups sudo ops
install -d -m 0700 /root/.ssh
install -d -m 0700 -o ops -g ops /home/ops/.ssh

# Keys and identity are made by each host at its first start, never shared through the image.
rm -f /etc/ssh/ssh_host_* /etc/machine-id /var/lib/dbus/machine-id
apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /usr/sbin/policy-rc.d
