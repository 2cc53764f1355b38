#!/usr/bin/env bash
# Restores the site from a backup, as root: the dump, then everything that the binlogs have since. On a new machine, first
# run deploy/server.sh, and copy /var/backups/ihome there.
#
#   deploy/restore.sh --identity KEY [FOLDER]    KEY: the private half (age-keygen's file); FOLDER: the newest of
#                                                /var/backups/ihome/daily unless given
#
#   --until 'YYYY-MM-DD HH:MM:SS'   leave out what was committed later (UTC)
#   --without-binlogs               the dump alone, where the binlogs are lost: no nights can be booked until Alipay's
#                                   bills of the lost hours are reconciled
#   --with-settings                 .env and /etc/ihome too, as they were
set -euo pipefail
shopt -s inherit_errexit
called_from=$PWD
cd "$(dirname "$0")/.."
umask 077
# shellcheck source=deploy/lib.sh
. deploy/lib.sh
PATH=$PATH:/usr/sbin:/sbin

identity='' folder='' until='' is_with_settings='' is_without_binlogs=''

read_arguments() {
  while [ $# -gt 0 ]; do
    case $1 in
      --with-settings) is_with_settings=1 ;;
      --without-binlogs) is_without_binlogs=1 ;;
      --identity | --until)
        [ $# -gt 1 ] || fail "$1 needs a value."
        printf -v "${1#--}" %s "$2"
        shift
        ;;
      -*) fail "$1 is no option; the first lines of deploy/restore.sh list them." ;;
      *) folder=$1 ;;
    esac
    shift
  done
  [[ $identity = /* || -z $identity ]] || identity=$called_from/$identity
  [[ $folder = /* || -z $folder ]] || folder=$called_from/$folder
  [ -s "$identity" ] || fail "--identity KEY: the file that age-keygen wrote."
  [ -n "$folder" ] || folder=$(find "$backups/daily" -mindepth 1 -maxdepth 1 -name '20*' | sort | tail -1)
  [ -s "$folder/complete" ] || fail "${folder:-$backups/daily} holds no complete backup."
}

decrypt() { age -d -i "$identity" "$1"; }

# What this server has committed and not shipped yet, if it still runs.
ship_last_binlogs() {
  [ "$(cat "$config/backup-series" 2>/dev/null)" = "$(cat "$folder/series")" ] || return 0
  say "ships the last binlogs"
  deploy/backup.sh --binlogs
}

# Where the dump ends and the binlogs go on: "FILE POSITION".
position() {
  sed -n "s/^-- CHANGE MASTER TO MASTER_LOG_FILE='\(.*\)', MASTER_LOG_POS=\([0-9]*\);/\1 \2/p" <(head -c 20000 "$work/database.sql")
}

unpack_binlogs() { # FIRST
  local each name
  for each in "$backups/binlogs/$(cat "$folder/series")"/binlog.*.age; do
    name=$(basename "$each" .age)
    if [ -e "$each" ] && [[ ! $name < $1 ]]; then decrypt "$each" >"$work/$name"; fi
  done
}

# A gap would restore a part of what was committed and call it all.
require_no_gap() { # FIRST
  local number each
  [ -e "$work/$1" ] || fail "$1 is missing, where the dump ends: see --without-binlogs."
  number=$((10#${1##*.}))
  for each in "$work"/binlog.*; do
    [ $((10#${each##*.})) = $number ] ||
      fail "binlog $number is missing: the binlogs have a gap. See --without-binlogs."
    number=$((number + 1))
  done
}

load_dump() {
  # Not into the binlog: that goes on with what comes after the restore.
  { echo 'SET SESSION sql_log_bin = 0; DROP DATABASE IF EXISTS ihome; DROP DATABASE IF EXISTS ihome_rehearsal;' &&
    cat "$work/database.sql"; } | mariadb
}

load_binlogs() { # POSITION
  mariadb-binlog --disable-log-bin --start-position="$1" ${until:+--stop-datetime="$until"} "$work"/binlog.* | mariadb
}

repeat_binlogs() {
  local file at
  read -r file at < <(position) || fail "The dump does not say where the binlogs go on."
  unpack_binlogs "$file"
  require_no_gap "$file"
  load_dump
  say "repeats what the binlogs have since $file, $at"
  load_binlogs "$at"
}

# When the restored records end, if they do not reach to the end: the dump's own beginning, or --until.
lost_from() {
  local day
  if [ -n "$is_without_binlogs" ]; then
    day=$(basename "$folder") # such as 2026-11-28T023000
    printf '%s:%s:%s\n' "${day:0:13}" "${day:13:2}" "${day:15:2}"
  elif [ -n "$until" ]; then
    printf '%s\n' "${until/ /T}"
  fi
}

restore_files() {
  decrypt "$folder/photos.tar.age" | tar -C "$home" -x
  chown -R ihome:ihome "$home/media"
  [ -z "$is_with_settings" ] || decrypt "$folder/settings.tar.age" | tar -C / -x
}

main() {
  local lost
  read_arguments "$@"
  require_root
  lock
  work=$(mktemp -d "$backups/.restore-XXXXXX")
  trap 'rm -rf "$work"' EXIT
  say "stops the site and the sweep"
  systemctl stop ihome.socket "${services[@]}" ihome-bill.timer ihome-watch.timer ihome-check.timer ihome-binlog.timer
  if [ -z "$is_without_binlogs" ]; then ship_last_binlogs; fi
  say "restores $folder"
  decrypt "$folder/database.sql.gz.age" | gunzip >"$work/database.sql"
  if [ -n "$is_without_binlogs" ]; then load_dump; else repeat_binlogs; fi
  restore_files
  rm -f "$config/backup-series" # the binlogs from here on are others
  domain=$(domain_of_site)
  manage "$current" migrate --noinput --verbosity=0
  lost=$(lost_from)
  if [ -n "$lost" ]; then manage "$current" begin_recovery "$lost"; fi
  manage "$current" check_money || say "check_money found what staff must look at, see above"
  say "starts the site and the sweep"
  systemctl start ihome.socket "${services[@]}" ihome-bill.timer ihome-watch.timer ihome-check.timer ihome-binlog.timer
  wait_until_ready 120 || fail "journalctl -u ihome -u ihome-sweep says why."
  say "restored. Make a new backup now: deploy/backup.sh. Then: manage.py reconcile_bill, for the days since."
}

main "$@"
