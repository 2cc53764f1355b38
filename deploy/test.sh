#!/usr/bin/env bash
# All tests: on SQLite, on MariaDB, in a real browser. Goes through all of them whatever fails; leaves nothing behind.
# Three processes share the tests: on two cores one always waits, for the database or for Chromium. Those that race, or
# change the whole database server, run in three too, one on SQLite and two on MariaDB: each has a server of its own.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
unset DATABASE_URL
unset PYTHONDONTWRITEBYTECODE # or each process of pytest would rewrite the assertions of all tests

python="$PWD/.venv/bin/python"
TMPDIR=$(mktemp -d) || exit 1
export TMPDIR
memory=$TMPDIR
trap 'rm -rf "$TMPDIR" "$memory"' EXIT
trap stop INT TERM
set -m # each run is a process group: a signal reaches the tests and what they started
failed=()
took=()
running=()

run() { # TITLE COMMAND...
  printf '\n===== Tests %s =====\n' "$1"
  local began=$SECONDS
  start "${@:2}"
  finish "$1" $!
  note "$1" $began
}

note() { # TITLE BEGAN
  took+=("$(printf '%5d s  %s' $((SECONDS - $2)) "$1")")
}

start() { # COMMAND...
  # Where this script itself runs in the background, Ctrl-C's signal comes switched off: stop() needs it.
  env --default-signal=INT "$@" </dev/null &
  running+=($!)
}

finish() { # TITLE PID
  wait "$2" || failed+=("$1")
}

show() { # TITLE PID OUTPUT
  printf '\n===== Tests %s =====\n' "$1"
  finish "$1" "$2"
  cat "$3"
}

stop() { # as Ctrl-C does to pytest: it tears down its fixtures
  for pid in "${running[@]}"; do kill -INT -- "-$pid" 2>/dev/null; done
  wait
  exit 130
}

# A database flushes each commit, which takes a disk 4 ms, and Chromium shares its memory through files. Where 4 GB of
# memory are free, these lie in memory; those that race stay on the disk, whose time they have always had.
kilobytes_free() {
  df -k --output=avail /dev/shm | tail -1
  awk '/^MemAvailable/ {print $2}' /proc/meminfo
}
if [ "$(kilobytes_free 2>/dev/null | sort -n | head -1)" -gt 4000000 ] 2>/dev/null; then
  memory=$(mktemp -d /dev/shm/ihome-XXXXXXXX 2>/dev/null) || memory=$TMPDIR
fi

in_memory=(env TMPDIR="$memory")
mariadb=("$python" deploy/mariadb.py)
together=("$python" -m pytest -n 3 --dist worksteal --durations=12)
# To collect all tests takes 7 s. conftest.py refuses a file that has such tests and does not write out the mark.
mapfile -t files < <(grep -rlE 'mark\.(race|alone)\b' --include='test_*.py' --exclude-dir='.?*' . | sort)
half=$((${#files[@]} / 2))
alone=("$python" -m pytest -m "race or alone" --durations=8)
shared="not browser and not race and not alone"

# On each database the first process migrates, for 8 s, and the others wait: MariaDB's does it beside SQLite's. Where it
# fails, the part on MariaDB shows it.
start "${in_memory[@]}" "${mariadb[@]}" "$python" -m pytest -q tests/test_emptying.py >/dev/null 2>&1

# Crashes, random histories and their twins run on MariaDB, as production does; `make histories` runs histories on both.
run "on SQLite" "${in_memory[@]}" "${together[@]}" -m "$shared" \
  --ignore=tests/crashes --ignore=tests/histories
run "on MariaDB" "${in_memory[@]}" "${mariadb[@]}" "${together[@]}" -m "$shared"
began=$SECONDS
start "${alone[@]}" "${files[@]}" >"$TMPDIR/sqlite" 2>&1
on_sqlite=$!
start "${mariadb[@]}" "${alone[@]}" "${files[@]:0:half}" >"$TMPDIR/first" 2>&1
first=$!
start "${mariadb[@]}" "${alone[@]}" "${files[@]:half}" >"$TMPDIR/second" 2>&1
show "that race, on MariaDB, second half" $! "$TMPDIR/second"
show "that race, on MariaDB, first half" $first "$TMPDIR/first"
show "that race, on SQLite" $on_sqlite "$TMPDIR/sqlite"
note "that race, on both databases" $began
run "in Chromium" "${in_memory[@]}" "$python" -m pytest -n 3 --dist worksteal --durations=12 -m browser \
  tests/browser

printf '\n'
printf '%s\n' "${took[@]}"
if [ ${#failed[@]} -gt 0 ]; then
  printf '\nFailed: tests %s\n' "${failed[@]}"
  exit 1
fi
printf '\nAll tests passed: on SQLite, on MariaDB, in Chromium.\n'
