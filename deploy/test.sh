#!/usr/bin/env bash
# All tests: on SQLite, on MariaDB, in a real browser. Goes through all of them whatever fails; leaves nothing behind.
# Two processes share the tests; those that race, or change the whole database server, run after them in one.
set -uo pipefail
cd "$(dirname "$0")/.."
unset DATABASE_URL

python="$PWD/.venv/bin/python"
TMPDIR=$(mktemp -d) || exit 1
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
trap stop INT TERM
set -m # each run is a process group: a signal reaches the tests and what they started
failed=()
took=()

run() { # TITLE COMMAND...
  local began=$SECONDS
  printf '\n===== Tests %s =====\n' "$1"
  # Where this script itself runs in the background, Ctrl-C's signal comes switched off: stop() needs it.
  env --default-signal=INT "${@:2}" </dev/null &
  wait $! || failed+=("$1")
  took+=("$(printf '%5d s  %s' $((SECONDS - began)) "$1")")
}

stop() { # as Ctrl-C does to pytest: it tears down its fixtures
  kill -INT -- "-$!" 2>/dev/null
  wait $!
  exit 130
}

mariadb=("$python" deploy/mariadb.py)
together=("$python" -m pytest -n 2 --dist worksteal --durations=12)
alone=("$python" -m pytest -m "race or alone" --durations=8)
shared="not browser and not race and not alone"

run "on SQLite" "${together[@]}" -m "$shared"
run "on SQLite, races" "${alone[@]}"
run "on MariaDB" "${mariadb[@]}" "${together[@]}" -m "$shared"
run "on MariaDB, races" "${mariadb[@]}" "${alone[@]}"
run "in Chromium" "${together[@]}" -m browser

printf '\n'
printf '%s\n' "${took[@]}"
if [ ${#failed[@]} -gt 0 ]; then
  printf '\nFailed: tests %s\n' "${failed[@]}"
  exit 1
fi
printf '\nAll tests passed: on SQLite, on MariaDB, in Chromium.\n'
