#!/usr/bin/env bash
# Brings what a target needs onto this machine: Debian packages (as root only) and .venv.
#
#   deploy/machine.sh demo    what the site runs on; MariaDB's headers are welcome, not required
#   deploy/machine.sh unit    what its tests on SQLite need, in .venv-unit: no Debian packages but Python's own
#   deploy/machine.sh test    MariaDB's server, Chromium and its headless shell, a Chinese font, the tools of
#                             requirements-dev.txt and Alipay's official SDKs too
#   deploy/machine.sh bench   that, and valgrind
#   deploy/machine.sh cluster what the site runs on, and Galera, HAProxy, Redis, nginx
#
# Where all is there it takes a moment and installs nothing. Where it can't, it says in one line what to install, exit 1.
set -euo pipefail
cd "$(dirname "$0")/.."

goal=$1
folder=.venv
[ "$goal" = unit ] && folder=.venv-unit
venv=$folder/bin/python
missing=() # Debian packages

fail() {
  echo "ihome: $*" >&2
  exit 1
}
have() { command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ]; }

find_python() {
  local name
  for name in python3 /usr/bin/python3 python3.14 python3.13 python3.12 python3.11; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  return 1
}
has_python_header() {
  [ -e "$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" ]
}
has_mysql_headers() {
  have pkg-config && { pkg-config --exists libmariadb || pkg-config --exists mysqlclient; }
}
has_venv() { "$venv" -c 'import pip' 2>/dev/null; }
has_mysqlclient() { "$venv" -c 'import MySQLdb' 2>/dev/null; }

list_for_venv() {
  # Debian keeps ensurepip in a package of its own; other Pythons carry it.
  has_venv || "$python" -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
}
list_for_mysqlclient() {
  has_mysqlclient && return
  have gcc || missing+=(gcc libc6-dev)
  has_python_header || missing+=(python3-dev)
  has_mysql_headers || missing+=(libmariadb-dev pkg-config)
}
list_for_tests() {
  { have mariadbd && have mariadb-install-db; } || missing+=(mariadb-server-core mariadb-client-core)
  have chromium || missing+=(chromium)
  compgen -G '/usr/share/fonts/*/*/*CJK*' >/dev/null || missing+=(fonts-noto-cjk)
  have msgfmt || missing+=(gettext)
  have node || missing+=(nodejs)
  have npm || missing+=(npm)
  have shellcheck || missing+=(shellcheck)
}

list_for_browser_tests() {
  have chromium-headless-shell || missing+=(chromium-headless-shell)
}

list_for_cluster() {
  have mariadbd || missing+=(mariadb-server-core mariadb-client-core)
  [ -e /usr/lib/galera/libgalera_smm.so ] || missing+=(galera-4)
  local package
  for package in haproxy redis-server nginx:nginx-light rsync ss:iproute2 nft:nftables; do
    have "${package%:*}" || missing+=("${package#*:}")
  done
}
# The programs that copy a node to another are in mariadb-server. Installed, it would start a server of its own.
unpack_node_copying() {
  local into=.cluster/sst
  have wsrep_sst_rsync || [ -e "$into/wsrep_sst_rsync" ] && return
  mkdir -p -m 700 .cluster
  mkdir -p "$into"
  (cd "$into" && apt-get download -qq mariadb-server 2>/dev/null && dpkg-deb -x mariadb-server_*.deb all) || return
  cp "$into"/all/usr/bin/wsrep_sst_* "$into"
  rm -r "$into/all" "$into"/mariadb-server_*.deb
  # A server of rsync that root started would write as nobody.
  [ "$(id -u)" != 0 ] || sed -i 's/^read only = no$/&\nuid = 0\ngid = 0/' "$into/wsrep_sst_rsync"
}

apt_install() {
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 "$@" </dev/null >/dev/null
}
# Succeeds when nothing is missing any more. A fresh machine has no package lists and an old one stale lists:
# those are fetched only if the first try fails.
install_missing() {
  [ ${#missing[@]} = 0 ] && return
  [ "$(id -u)" = 0 ] && have apt-get || return
  echo "Installing Debian packages: ${missing[*]}"
  apt_install "${missing[@]}" || {
    apt-get update -qq -o Acquire::Retries=3 </dev/null >/dev/null || true
    apt_install "${missing[@]}"
  }
}

make_venv() {
  has_venv || "$python" -m venv --clear "$folder"
}

# install_requirements FILE [OPTIONS...]: pip-installs it, unless that was done and the pins are the same still.
install_requirements() {
  local stamp pins
  stamp=$folder/installed-$(basename "$1")
  pins=$(cat requirements*.txt | cksum)
  [ "$(cat "$stamp" 2>/dev/null)" = "$pins" ] && return
  echo "Installing Python packages: $1"
  "$venv" -m pip install -q --disable-pip-version-check --use-pep517 -r "$@"
  echo "$pins" >"$stamp"
}
# Alipay's official SDKs, which the stand-in is tested with. The Python one stays in its wheel, out of the way of
# python-alipay-sdk, whose import name it shares.
install_official_sdks() {
  local from=standin/tests/official into=.venv/official pins
  pins=$(cat "$from/requirements.txt" "$from/package-lock.json" | cksum)
  [ "$(cat "$into/installed" 2>/dev/null)" = "$pins" ] && return
  echo "Installing Alipay's official SDKs: $from"
  rm -rf "$into"
  # Node brings certificates of its own: --use-openssl-ca trusts those of the system, as pip and git do.
  mkdir "$into" &&
    "$venv" -m pip download -q --disable-pip-version-check --no-deps --only-binary :all: -d "$into" \
      -r "$from/requirements.txt" &&
    cp "$from"/package*.json "$into" &&
    NODE_OPTIONS=--use-openssl-ca npm ci --prefix "$into" --loglevel=error --ignore-scripts --no-audit --no-fund \
      >/dev/null &&
    echo "$pins" >"$into/installed"
}
# django-oscar, whose pages the benchmarks count beside ours, has an environment of its own.
install_oscar() {
  local from=benchmarks/oscar/requirements.txt into=.venv/oscar
  cmp -s "$from" "$into/installed" && return
  echo "Installing django-oscar: $from"
  rm -rf "$into"
  "$python" -m venv "$into" &&
    "$into/bin/python" -m pip install -q --disable-pip-version-check --no-deps -r "$from" &&
    cp "$from" "$into/installed"
}
sqlite_only() {
  grep -v '^mysqlclient' requirements.txt >"$folder/sqlite-only.txt"
}

python=$(find_python) || fail "Python 3.11 or newer is needed; here is $(python3 --version 2>&1 || true)."
list_for_venv
case $goal in
  test | bench)
    list_for_mysqlclient
    list_for_tests
    [ "$goal" = test ] || have valgrind || missing+=(valgrind)
    install_missing || fail "missing here; as root: apt-get install ${missing[*]}"
    missing=()
    list_for_browser_tests
    install_missing || echo "ihome: no chromium-headless-shell, so the browser tests take longer, in Chromium itself."
    make_venv
    install_official_sdks & # beside pip: both mostly wait for the network
    sdks=$!
    install_requirements requirements-dev.txt
    wait $sdks || echo "ihome: Alipay's official SDKs could not be installed, so their tests are skipped."
    [ "$goal" = test ] || install_oscar || echo "ihome: django-oscar could not be installed, so its pages are left out."
    ;;
  demo)
    install_missing || fail "missing here; as root: apt-get install ${missing[*]}"
    make_venv
    missing=()
    list_for_mysqlclient
    if install_missing; then
      install_requirements requirements.txt
    else
      echo "ihome: no mysqlclient, so SQLite only; for MariaDB, as root: apt-get install ${missing[*]}"
      sqlite_only
      install_requirements .venv/sqlite-only.txt
    fi
    ;;
  cluster)
    list_for_mysqlclient
    list_for_cluster
    install_missing || fail "missing here; as root: apt-get install ${missing[*]}"
    make_venv
    install_requirements requirements.txt
    unpack_node_copying || fail "wsrep_sst_rsync is missing here, and apt-get download mariadb-server fails."
    ;;
  unit)
    install_missing || fail "missing here; as root: apt-get install ${missing[*]}"
    make_venv
    sqlite_only
    # The names of requirements-unit.txt have no versions: those are the pins of requirements-dev.txt.
    grep -hv '^-r' requirements.txt requirements-dev.txt >"$folder/pins.txt"
    install_requirements requirements-unit.txt -r "$folder/sqlite-only.txt" -c "$folder/pins.txt"
    ;;
  *) fail "deploy/machine.sh demo|unit|test|bench|cluster" ;;
esac
