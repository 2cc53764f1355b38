#!/usr/bin/env bash
# Serves the version before, as root. The database stays as it is: every version works on the tables of the next.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."
# shellcheck source=deploy/lib.sh
. deploy/lib.sh
PATH=$PATH:/usr/sbin:/sbin

require_root
lock
domain=$(domain_of_site)
before=$(readlink "$previous") || fail "There is no version before."
say "goes back from $(basename "$(readlink "$current")") to ${before##*/}"
switch_to "$before"
wait_until_ready 60 || fail "${before##*/} is not ready. journalctl -u ihome says why."
say "${before##*/} serves"
