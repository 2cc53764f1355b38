# shellcheck shell=bash
# Steps of the tests that run inside run.sh. Sourced.
domain=stay.example
site=/srv/ihome/current
renter=$site/.venv/bin/python

fail() {
  echo "failed: $*" >&2
  exit 1
}

current_step=''
# Not behind || in step(): bash would then go on after an error inside a step.
tell() {
  local status=$?
  [ $status = 0 ] || {
    tail -n 25 /var/log/units/* 2>/dev/null
    echo "Failed in: $current_step"
  }
}
trap tell EXIT

step() { # TITLE COMMAND...
  local began=$SECONDS
  printf '\n===== %s =====\n' "$1"
  current_step=$1
  "${@:2}"
  printf -- '----- %s took %d s\n' "$1" $((SECONDS - began))
}

server() { # OPTIONS...
  step "server.sh $*" deploy/server.sh --domain "$domain" --email "you@$domain" "$@"
}

manage() {
  # shellcheck disable=SC1091
  (set -a && . /etc/ihome/stand-in.env && cd "$site" && exec runuser -u ihome -- .venv/bin/python manage.py "$@")
}

seed() { manage seed_demo >/tmp/seed.log 2>&1 || cat /tmp/seed.log; }

pay() {
  step "demo houses and renters" seed
  step "pays an order over https" "$renter" deploy/servertest/renter.py pay
}
