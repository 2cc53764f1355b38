#!/usr/bin/env bash
# Backs up the site, as root, into /var/backups/ihome: a dump of the database, photos, keys and settings, each encrypted
# for the key in /etc/ihome/backup-recipient (age). Only its private half, kept elsewhere, opens them.
#
#   deploy/backup.sh             every night: all of it. Kept for 14 days, and one of each week for 8 weeks
#   deploy/backup.sh --binlogs   every ten minutes: what was committed since
#
# /etc/ihome/after-backup, where it is a program, is then called with the folder: for a copy on another machine.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."
umask 077
# shellcheck source=deploy/lib.sh
. deploy/lib.sh

DAYS=14
WEEKS=8
recipient=$config/backup-recipient
binlogs=/var/lib/mysql

encrypt() { # FILE: standard input into it, in one step
  age -R "$recipient" -o "$1.new"
  sync "$1.new"
  mv -T "$1.new" "$1"
}

# Names the binlogs of one server's life: after a restore they begin anew, and must not mix with those before.
series() {
  [ -s "$config/backup-series" ] || od -An -tx1 -N6 /dev/urandom | tr -d ' \n' >"$config/backup-series"
  cat "$config/backup-series"
}

dump() { # FOLDER
  mariadb-dump --databases ihome ihome_rehearsal --single-transaction --master-data=2 --flush-logs \
    --routines --triggers --hex-blob --default-character-set=utf8mb4 | gzip -6 | encrypt "$1/database.sql.gz.age"
}

# Photos are never changed, only added: unless one was, the last archive serves again.
archive_photos() { # FOLDER
  local last now=$1/photos.list
  (cd "$home/media" && find . -type f -printf '%p %s %T@\n' | sort) >"$now"
  last=$(find "$backups/daily" -mindepth 2 -maxdepth 2 -name photos.tar.age | sort | tail -1)
  if [ -n "$last" ] && cmp -s "$now" "$(dirname "$last")/photos.list"; then
    ln "$last" "$1/photos.tar.age"
  else
    tar -C "$home" -c media | encrypt "$1/photos.tar.age"
  fi
}

archive_settings() { # FOLDER
  tar -C / -c "${settings#/}" "${config#/}" | encrypt "$1/settings.tar.age"
}

# Copies each binlog that is complete, once.
ship_binlogs() {
  local into file
  into=$backups/binlogs/$(series)
  mkdir -p "$into"
  mariadb -e 'FLUSH BINARY LOGS'
  # The last one is being written.
  mariadb -N -e 'SHOW BINARY LOGS' | cut -f1 | head -n -1 | while read -r file; do
    [ -e "$into/$file.age" ] || encrypt "$into/$file.age" <"$binlogs/$file"
  done
}

remove_old() {
  local day keep week
  keep=$(mktemp)
  find "$backups/daily" -mindepth 1 -maxdepth 1 -name '20*' -printf '%f\n' | sort -r >"$keep.all"
  head -n "$DAYS" "$keep.all" >"$keep"
  while read -r day; do printf '%s %s\n' "$(date -d "${day%%T*}" +%G-%V)" "$day"; done <"$keep.all" |
    sort -k1,1r -k2,2 | awk '!seen[$1]++ {print $2}' | head -n "$WEEKS" >>"$keep"
  while read -r day; do
    grep -qx "$day" "$keep" || rm -rf "${backups:?}/daily/$day"
  done <"$keep.all"
  rm -f "$keep" "$keep.all"
  for week in "$backups"/binlogs/*; do find "$week" -name '*.age' -mtime "+$DAYS" -delete 2>/dev/null || true; done
}

back_up_all() {
  local day folder
  day=$(date -u +%Y-%m-%dT%H%M%S)
  folder=$backups/daily/.$day
  rm -rf "$backups"/daily/.20* # of runs that were interrupted
  mkdir -p "$folder"
  series >"$folder/series"
  dump "$folder"
  archive_photos "$folder"
  archive_settings "$folder"
  date -u +%FT%TZ >"$folder/complete"
  sync
  mv -T "$folder" "$backups/daily/$day"
  ship_binlogs
  remove_old
  touch "$config/last-backup" # /metrics tells its age
  say "backed up into $backups/daily/$day"
}

require_root
[ -s "$recipient" ] || fail "No key to encrypt for: age-keygen -o ihome-backup.txt, on another machine, prints a line age1… for $recipient."
install -d -m 700 "$backups" "$backups/daily" "$backups/binlogs"
exec {lock_fd}>/run/lock/ihome-backup
flock --wait 3600 "$lock_fd"
if [ "${1:-}" = --binlogs ]; then ship_binlogs; else back_up_all; fi
if [ -x "$config/after-backup" ]; then "$config/after-backup" "$backups"; fi
