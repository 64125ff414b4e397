#!/bin/sh
# Common to both images: no service starts while packages are installed, nothing is stored that a lab never reads.
set -eu
export DEBIAN_FRONTEND=noninteractive
printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
cat > /etc/apt/apt.conf.d/99lab <<'CONF'
Acquire::Languages "none";
Acquire::Retries "3";
APT::Install-Recommends "false";
CONF
cat > /etc/dpkg/dpkg.cfg.d/99lab <<'CONF'
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/man/*
path-exclude=/usr/share/info/*
path-exclude=/usr/share/locale/*
CONF
apt-get -q update
