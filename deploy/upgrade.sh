#!/usr/bin/env bash
# Brings the site to another version, as root: backup, new code beside the old, migrations, switch. If the new version does
# not get ready, the old one serves again.
#
#   deploy/upgrade.sh VERSION      a tag, branch or commit of the repository that the site came from
#
#   --without-backup               where no key for backups was set up
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."
umask 022
# shellcheck source=deploy/lib.sh
. deploy/lib.sh
PATH=$PATH:/usr/sbin:/sbin

version='' is_without_backup=''

read_arguments() {
  local each
  for each; do
    case $each in
      --without-backup) is_without_backup=1 ;;
      -*) fail "$each is no option: deploy/upgrade.sh [--without-backup] VERSION" ;;
      *) version=$each ;;
    esac
  done
  [ -n "$version" ] || fail "Say which version: deploy/upgrade.sh VERSION"
}

fetch() {
  local source
  source=$(git --git-dir="$repository" config ihome.source)
  git -c safe.directory='*' --git-dir="$repository" fetch -q --tags --force "$source" '+refs/heads/*:refs/remotes/source/*' ||
    say "can't fetch from $source: looks among the versions that are here"
  resolve "$version" || fail "There is no version $version in $source."
}

check_before() {
  local answer free
  answer=$(readyz) || fail "The site is not ready now ($answer): first mend that."
  free=$(df -m --output=avail "$releases" | tail -1)
  [ "$free" -ge 2000 ] || fail "Only $free MB are free in $releases: 2,000 are needed."
}

back_up() {
  [ -z "$is_without_backup" ] || return 0
  [ -s "$config/backup-recipient" ] || fail "No key for backups: see deploy/backup.sh, or say --without-backup."
  say "makes a backup"
  "$1/deploy/backup.sh"
}

# The three newest stay, those that serve among them.
remove_old_releases() {
  local each
  for each in $(find "$releases" -mindepth 1 -maxdepth 1 -type d -printf '%T@ %p\n' | sort -rn | tail -n +4 | cut -d' ' -f2); do
    [ "$each" = "$(readlink "$current")" ] || [ "$each" = "$(readlink "$previous")" ] || rm -rf "$each"
  done
}

main() {
  local commit release
  read_arguments "$@"
  require_root
  lock
  domain=$(domain_of_site)
  commit=$(fetch)
  check_before
  release=$(make_release "$commit")
  if [ "$release" = "$(readlink "$current")" ]; then
    say "${release##*/} serves already"
    return
  fi
  say "checks ${release##*/}"
  quietly manage "$release" check --deploy --fail-level ERROR
  back_up "$release"
  say "brings the database up to date"
  collect_static "$release"
  manage "$release" migrate --noinput --verbosity=0
  quietly manage "$release" check --deploy --database default --fail-level ERROR
  say "switches from $(basename "$(readlink "$current")")"
  switch_to "$release"
  if ! wait_until_ready 60; then
    switch_to "$(readlink "$previous")"
    fail "${release##*/} did not get ready: $(basename "$(readlink "$current")") serves again. journalctl -u ihome says why."
  fi
  remove_old_releases
  say "${release##*/} serves; deploy/rollback.sh goes back"
}

main "$@"
