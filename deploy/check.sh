#!/usr/bin/env bash
# Static checks. Runs all of them even if one fails; changes no file. mypy takes as long as the others together: it runs
# beside them.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
unset PYTHONDONTWRITEBYTECODE # or each process of pytest would rewrite the assertions of all tests

python=.venv/bin/python
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=()
took=()

run() { # TITLE COMMAND...
  local began=$SECONDS
  printf '\n===== %s =====\n' "$1"
  "${@:2}" || failed+=("$1")
  took+=("$(printf '%5d s  %s' $((SECONDS - began)) "$1")")
}

check_types() {
  wait "$mypy"
  local status=$?
  cat "$work/mypy"
  return $status
}

# Django's deployment checks and ours (keys, gateway) under production settings. The site refuses demo keys with
# the production gateway by their first line, which is therefore removed from the keys made here.
check_deploy() {
  "$python" -c 'import sys; from pathlib import Path; from demo.keys import make_demo_keys
make_demo_keys(Path(sys.argv[1]))' "$work/keys" || return
  sed -i '/^#/d' "$work"/keys/*.pem
  env -u REHEARSAL -u ALIPAY_GATEWAY_URL SECRET_KEY="$(od -An -tx1 -N32 /dev/urandom | tr -d ' \n')" \
    DEBUG=0 SITE_URL=https://ihome.example TRUST_PROXY=1 DATABASE_URL=mysql://ihome@127.0.0.1/ihome REDIS_URL= \
    EMAIL_URL=smtp+tls://ihome:password@smtp.example:587 MEDIA_ROOT="$work" COMPANY_NAME=ihome \
    ALIPAY_APP_ID=2021000000000001 ALIPAY_SELLER_ID=2088000000000001 \
    ALIPAY_APP_PRIVATE_KEY_PATH="$work/keys/app_private_key.pem" \
    ALIPAY_PUBLIC_KEY_PATH="$work/keys/alipay_public_key.pem" \
    "$python" manage.py check --deploy --fail-level ERROR
}

# The package index is chosen where packages are installed, not in the requirements.
check_no_index() {
  ! grep -nE '://|index-url|find-links|trusted-host' requirements*.txt
}

# A name that is not pinned there would take any version.
check_unit_pins() {
  local name
  grep -v '^#' requirements-unit.txt | while read -r name; do
    grep -q "^$name==" requirements-dev.txt || { echo "requirements-dev.txt does not pin $name" && return 1; }
  done
}

"$python" -m mypy . >"$work/mypy" 2>&1 &
mypy=$!
run "ruff check" "$python" -m ruff check .
run "ruff format" "$python" -m ruff format --check .
run "missing migrations" env DJANGO_SETTINGS_MODULE=tests.settings DATABASE_URL=sqlite://:memory: \
  "$python" manage.py makemigrations --check --dry-run
run "check --deploy" check_deploy
run "shellcheck" shellcheck -x deploy/*.sh deploy/servertest/*.sh
run "requirements name no index" check_no_index
run "requirements-unit.txt is pinned" check_unit_pins
run "tests can be collected" "$python" -m pytest -qq --collect-only --disable-warnings
run "fault matrix and the tests' names" "$python" -m pytest -q tests/test_fault_matrix.py
run "mypy, which began first" check_types

printf '\n'
printf '%s\n' "${took[@]}"
if [ ${#failed[@]} -gt 0 ]; then
  printf '\nFailed: %s\n' "${failed[@]}"
  exit 1
fi
printf '\nAll checks passed.\n'
