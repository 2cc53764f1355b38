#!/usr/bin/env bash
# Runs deploy/server.sh in a bare Debian 12: a folder in memory, with a network and processes of its own, whose packages
# come as this machine's do. The units are started by deploy/servertest/systemctl.py. Needs root.
#
#   deploy/servertest/run.sh STEPS    a file of deploy/servertest/ that runs inside, such as pay.sh
#
# All of it lives in namespaces of one process: when that ends, by whatever signal, mounts and programs are gone.
# .server-test/ keeps the bare folder and the packages for the next run.
set -euo pipefail
cd "$(dirname "$0")/../.."
steps=$1
cache=$PWD/.server-test
suite=bookworm
limit=${LIMIT:-900} # seconds

fail() {
  echo "ihome: $*" >&2
  exit 1
}

install_tools() {
  local missing=() each
  for each in debootstrap slirp4netns; do command -v "$each" >/dev/null || missing+=("$each"); done
  [ ${#missing[@]} = 0 ] || { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"; } \
    </dev/null >/dev/null || fail "missing here: ${missing[*]}"
}

make_bare() {
  local made="$cache/bare.tar"
  [ -z "$(find "$made" -mtime -7 2>/dev/null)" ] || return 0
  echo "Makes the bare folder with debootstrap."
  rm -rf "$cache/bare"
  debootstrap --variant=minbase --include=ca-certificates "$suite" "$cache/bare" >"$cache/debootstrap.log" 2>&1 ||
    fail "debootstrap failed: $cache/debootstrap.log"
  tar -C "$cache/bare" -cf "$made.new" .
  mv "$made.new" "$made"
  rm -rf "$cache/bare"
}

# The files of the work tree, committed or not.
snapshot_code() {
  local commit
  export GIT_INDEX_FILE=$cache/index
  git add -A
  commit=$(git -c user.name=test -c user.email=test@localhost commit-tree -p HEAD -m "Under test" "$(git write-tree)")
  unset GIT_INDEX_FILE
  rm -rf "$cache/code"
  git clone -q --no-hardlinks --no-checkout . "$cache/code"
  git push -q --force "$cache/code" "$commit:refs/heads/under-test"
  git -C "$cache/code" checkout -q under-test
  git -C "$cache/code" remote remove origin
}

# Settings of this machine's package clients; none of them is known here.
copy_package_settings() {
  rm -rf "$cache/machine"
  mkdir -p "$cache/machine/apt"
  grep -lsr Acquire:: /etc/apt/apt.conf /etc/apt/apt.conf.d | xargs -r cp -t "$cache/machine/apt" || true
  cp -L /etc/ssl/certs/ca-certificates.crt "$cache/machine/ca.pem"
  env | grep -E '^(PIP_INDEX_URL|PIP_EXTRA_INDEX_URL|PIP_DEFAULT_TIMEOUT|https?_proxy|no_proxy|HTTPS?_PROXY|NO_PROXY)=' \
    >"$cache/machine/env" || true
}

[ "$(id -u)" = 0 ] || fail "Run it as root."
[ -e "deploy/servertest/$steps" ] || fail "There is no deploy/servertest/$steps."
install_tools
mkdir -p "$cache"/{archives/partial,pip}
exec {lock_fd}>"$cache/lock"
flock --nonblock "$lock_fd" || fail "Another test uses $cache."
make_bare
snapshot_code
copy_package_settings

setpriv --pdeathsig KILL unshare --mount --pid --net --ipc --uts --fork --kill-child --mount-proc \
  timeout --kill-after=10 "$limit" deploy/servertest/inside.sh "$cache" "$steps" &
test=$!
trap 'kill -KILL $test ${network:-} 2>/dev/null || true' EXIT
trap 'exit 130' INT TERM HUP
for _ in $(seq 100); do
  inside=$(pgrep -P $test | head -1) && [ "$(readlink /proc/"$inside"/ns/net)" != "$(readlink /proc/self/ns/net)" ] && break
  sleep 0.1
done
setpriv --pdeathsig KILL slirp4netns --configure --mtu=65520 --disable-host-loopback "$inside" tap0 \
  >"$cache/network.log" 2>&1 &
network=$!
wait $test
