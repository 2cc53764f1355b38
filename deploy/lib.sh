# shellcheck shell=bash disable=SC2034,SC2154
# Places and steps that server.sh, upgrade.sh, rollback.sh, backup.sh and restore.sh share. Sourced from the project's folder.

home=/srv/ihome
repository=$home/.git        # bare; hidden from the units
releases=$home/releases      # one folder for each version, owned by root
current=$home/current        # symlink to the release that serves
previous=$home/previous      # and to the one before, for rollback.sh
settings=$home/.env          # 600, owned by the site; each release links to it
config=/etc/ihome
keys=$config/keys
stand_in=$config/stand-in.env # present while Alipay's keys are missing
backups=/var/backups/ihome
services=(ihome.service ihome-sweep.service)

say() { printf 'ihome: %s\n' "$*"; }
fail() {
  say "$*" >&2
  exit 1
}

# Run a command whose output matters only if it fails.
quietly() { # COMMAND...
  local output
  output=$("$@" 2>&1 </dev/null) || {
    local status=$?
    printf '%s\n' "$output" >&2
    return $status
  }
}

require_root() {
  [ "$(id -u)" = 0 ] || fail "Run it as root."
}

# One of these programs at a time. Also what a killed one left running holds the lock, such as apt.
lock() {
  exec {lock_fd}>/run/lock/ihome-deploy
  flock --nonblock "$lock_fd" || {
    say "waits for another of server.sh, upgrade.sh, rollback.sh and restore.sh"
    flock --wait 900 "$lock_fd" || fail "The other one does not end."
  }
}

# put FILE MODE [OWNER]: write standard input to FILE in one step, if it differs. Adds FILE to `changed`, so it is not
# for the end of a pipe, which is a subshell.
changed=()
put() {
  local new
  mkdir -p "$(dirname "$1")"
  new=$(mktemp "$1.XXXXXX")
  cat >"$new"
  chmod "$2" "$new"
  chown "${3:-root:root}" "$new"
  if cmp -s "$new" "$1" && [ "$(stat -c '%a %U:%G' "$new")" = "$(stat -c '%a %U:%G' "$1")" ]; then
    rm "$new"
  else
    mv -T "$new" "$1"
    changed+=("$1")
  fi
}

has_changed() { # FILE...
  local file
  for file in "$@"; do [[ " ${changed[*]} " == *" $file "* ]] && return; done
  return 1
}

apt_install() {
  DEBIAN_FRONTEND=noninteractive quietly apt-get install -y -qq --no-install-recommends \
    -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold "$@"
}

# --- Settings -------------------------------------------------------------------------------------

get_setting() { # NAME
  sed -n "s/^$1=//p" "$settings" 2>/dev/null | tail -1
}

# set_setting NAME VALUE: replace the line of this name where it stands, or add one. An empty value removes it.
set_setting() {
  touch "$settings"
  put "$settings" 600 ihome:ihome < <(
    name=$1 value=$2 awk '
      BEGIN { name = ENVIRON["name"]; value = ENVIRON["value"] }
      index($0, name "=") != 1 { print; next }
      value != "" && !done { print name "=" value; done = 1 }
      END { if (value != "" && !done) print name "=" value }
    ' "$settings"
  )
}

keep_setting() { # NAME VALUE: set it unless there is one
  [ -n "$(get_setting "$1")" ] || set_setting "$1" "$2"
}

# --- Releases -------------------------------------------------------------------------------------

# Run manage.py of a release as the site does: its user, its settings.
manage() { # RELEASE ARGUMENTS...
  local release=$1
  shift
  (
    set -a
    # shellcheck disable=SC1090
    if [ -e "$stand_in" ]; then . "$stand_in"; fi
    cd "$release" || exit
    exec runuser -u ihome -- .venv/bin/python manage.py "$@"
  )
}

# make_release COMMIT: lay its code out, with packages and compressed styles. Prints the folder, says the rest on
# standard error. A release that was interrupted is made anew.
make_release() {
  local version release
  version=$(git --git-dir="$repository" describe --tags --always --abbrev=12 "$1^{commit}")
  release=$releases/${version//\//-}
  if [ ! -e "$release/.complete" ]; then
    say "lays out version $version" >&2
    rm -rf "$release"
    mkdir -p "$release"
    git --git-dir="$repository" archive "$1^{commit}" | tar -x -C "$release"
    ln -s "$settings" "$release/.env"
    python3 -m venv "$release/.venv"
    "$release/.venv/bin/python" -m pip install -q --disable-pip-version-check --use-pep517 \
      -r "$release/requirements.txt" >&2
    if [[ $(get_setting SMS_URL) == aliyun:* ]]; then
      "$release/.venv/bin/python" -m pip install -q --disable-pip-version-check -r "$release/requirements-sms.txt" >&2
    fi
    if [ -n "$(get_setting SENTRY_DSN)" ]; then
      "$release/.venv/bin/python" -m pip install -q --disable-pip-version-check -r "$release/requirements-sentry.txt" >&2
    fi
    "$release/.venv/bin/python" -m compileall -q -x '\.venv' "$release" >/dev/null || true
    date -u +%FT%TZ >"$release/.complete"
  fi
  printf '%s\n' "$release"
}

collect_static() { # RELEASE: as root, which owns the code
  (cd "$1" && .venv/bin/python manage.py collectstatic --noinput --verbosity=0)
}

# point LINK RELEASE: replaced in one step, so there is always a release that serves.
point() {
  ln -sfn "$2" "$1.new"
  mv -T "$1.new" "$1"
}

# Serve a release. No visitor is refused: systemd holds the socket, and each process finishes what it began.
switch_to() { # RELEASE
  local before
  before=$(readlink "$current" || true)
  if [ -n "$before" ] && [ "$before" != "$1" ]; then point "$previous" "$before"; fi
  point "$current" "$1"
  install_units "$1"
  systemctl restart "${services[@]}"
  set_up_nginx "$1"
}

# The commit that VERSION names: a tag, a branch, a commit.
resolve() { # VERSION
  local name
  for name in "refs/tags/$1" "refs/remotes/source/$1" "$1"; do
    git --git-dir="$repository" rev-parse -q --verify "$name^{commit}" && return
  done
  return 1
}

# --- Units and nginx ------------------------------------------------------------------------------

install_units() { # RELEASE
  local unit
  for unit in "$1"/deploy/systemd/*; do
    [[ $unit == *ihome-stand-in.service ]] || put "/etc/systemd/system/${unit##*/}" 644 <"$unit"
  done
  systemctl daemon-reload
}

certificate() { echo "/etc/ssl/$domain.pem"; }

set_up_nginx() { # RELEASE
  local site=/etc/nginx/sites-enabled/ihome watcher
  watcher=$(cat "$config/watcher" 2>/dev/null || true)
  put "$site" 644 < <(
    sed -e "s/ihome\.example/$domain/g" -e "s/allow 192\.0\.2\.10;/${watcher:+allow $watcher;}/" "$1/deploy/nginx.conf"
  )
  if [ -e /etc/nginx/sites-enabled/default ]; then
    rm /etc/nginx/sites-enabled/default
    changed+=("$site")
  fi
  nginx -t -q
  systemctl enable -q nginx
  if systemctl is-active -q nginx; then
    if has_changed "$site" "$(certificate)"; then systemctl reload nginx; fi
  else
    systemctl start nginx
  fi
}

# --- The running site -----------------------------------------------------------------------------

readyz() { # prints the answer of the site behind nginx; fails unless it is ok
  curl -fsS --max-time 10 --insecure --resolve "$domain:443:127.0.0.1" "https://$domain/readyz" 2>&1
}

domain_of_site() { get_setting SITE_URL | sed 's#^https://##'; }

wait_until_ready() { # SECONDS
  local until=$((SECONDS + $1)) answer
  until answer=$(readyz); do
    [ $SECONDS -lt "$until" ] || {
      say "not ready after $1 s: $answer" >&2
      return 1
    }
    sleep 1
  done
}
