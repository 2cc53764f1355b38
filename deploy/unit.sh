#!/usr/bin/env bash
# The quick loop, on SQLite: what neither races, nor kills processes, nor drives a browser, in two processes.
#
#   T=payments deploy/unit.sh                           the same of one folder
#   T=payments/tests/test_notify.py deploy/unit.sh      all of one file, or of one test: file.py::test_name
set -euo pipefail
cd "$(dirname "$0")/.."
unset DATABASE_URL

tests=${T:-}
pytest=(.venv-unit/bin/python -m pytest -q)

if [ -z "$tests" ] || [ -d "$tests" ]; then
  exec "${pytest[@]}" -n 2 --dist worksteal -m "not browser and not race and not alone" \
    --ignore=tests/crashes --ignore=tests/histories ${tests:+"$tests"}
fi
[[ $tests != tests/browser/* ]] || {
  echo "ihome: make unit has no browser; that is: make browser T=$tests" >&2
  exit 1
}
exec "${pytest[@]}" "$tests"
