#!/usr/bin/env bash
# All tests: on SQLite, on MariaDB, in a real browser. Goes through all three whatever fails; leaves nothing behind.
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

run() { # TITLE COMMAND...
  printf '\n===== Tests %s =====\n' "$1"
  # Where this script itself runs in the background, Ctrl-C's signal comes switched off: stop() needs it.
  env --default-signal=INT "${@:2}" </dev/null &
  wait $! || failed+=("$1")
}

stop() { # as Ctrl-C does to pytest: it tears down its fixtures
  kill -INT -- "-$!" 2>/dev/null
  wait $!
  exit 130
}

run "on SQLite" "$python" -m pytest -m "not browser"
run "on MariaDB" "$python" deploy/mariadb.py "$python" -m pytest -m "not browser"
run "in Chromium" "$python" -m pytest -m browser

if [ ${#failed[@]} -gt 0 ]; then
  printf '\nFailed: tests %s\n' "${failed[@]}"
  exit 1
fi
printf '\nAll tests passed: on SQLite, on MariaDB, in Chromium.\n'
