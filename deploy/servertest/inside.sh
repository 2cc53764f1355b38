#!/usr/bin/env bash
# The inner half of run.sh, in its namespaces: unpacks the bare folder into memory and runs the steps in it.
set -euo pipefail
cache=$1
steps=$2
root=$cache/root
mkdir -p "$root"

mount --make-rprivate /
mount -t tmpfs -o size=4g,mode=755 ihome-test "$root"
tar -C "$root" -xf "$cache/bare.tar"

mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 dev "$root/dev"
for each in null zero full random urandom tty; do
  touch "$root/dev/$each"
  mount --bind "/dev/$each" "$root/dev/$each"
done
mkdir "$root"/dev/{shm,pts}
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
chmod 1777 "$root/dev/shm"
ln -s /proc/self/fd "$root/dev/fd"
ln -s /proc/self/fd/1 "$root/dev/stdout"
ln -s /proc/self/fd/2 "$root/dev/stderr"
mkdir -p "$root"/{run/lock,opt/ihome-code,var/cache/pip}
mount --bind "$cache/archives" "$root/var/cache/apt/archives"
mount --bind "$cache/pip" "$root/var/cache/pip"

cp -a "$cache/code/." "$root/opt/ihome-code"
cp "$cache/machine/apt"/* "$root/etc/apt/apt.conf.d/" 2>/dev/null || true
cp "$cache/machine/ca.pem" "$root/etc/machine-ca.pem"
echo 'nameserver 10.0.2.3' >"$root/etc/resolv.conf"
printf '127.0.0.1 localhost stay.example openapi.alipay.com openapi-sandbox.dl.alipaydev.com\n' >"$root/etc/hosts"
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" # packages start nothing
cp "$(dirname "$0")/systemctl.py" "$root/usr/local/bin/systemctl"
printf '#!/bin/sh\nexit 0\n' >"$root/usr/local/bin/sshd"
chmod 755 "$root/usr/sbin/policy-rc.d" "$root/usr/local/bin"/*
echo 'Binary::apt::APT::Keep-Downloaded-Packages "true"; APT::Keep-Downloaded-Packages "true";' \
  >"$root/etc/apt/apt.conf.d/99keep"
echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/memory"

ip link set lo up
for _ in $(seq 100); do
  ip -o addr show tap0 2>/dev/null | grep -q inet && break
  sleep 0.1
done

cd "$root"
mapfile -t settings <"$cache/machine/env"
# The clock, modules and power are the whole machine's: nothing in here may touch them.
exec setpriv --bounding-set=-sys_time,-sys_module,-sys_boot,-sys_rawio --inh-caps=-all \
  env -i "${settings[@]}" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
  PIP_CERT=/etc/machine-ca.pem PIP_CACHE_DIR=/var/cache/pip PIP_ROOT_USER_ACTION=ignore \
  chroot . /bin/bash "/opt/ihome-code/deploy/servertest/$steps"
