#!/usr/bin/env bash
# A backup, then a payment, a refund and a booking, then the loss of the database: all of it comes back. Then once more
# without binlogs. Runs inside run.sh.
set -euo pipefail
cd /opt/ihome-code
. deploy/servertest/steps.sh

set_up_key() {
  age-keygen -o /etc/backup-key.txt 2>/dev/null
  age-keygen -y /etc/backup-key.txt >/etc/ihome/backup-recipient
}

act() { # VERB [ORDER]: a renter's step; prints the order
  "$renter" deploy/servertest/renter.py "$@"
}

after_the_dump() {
  paid=$(act pay)
  refunded=$(act pay)
  act cancel "$refunded"
  booked=$(act book)
  sleep 15 # the sweep sends the refund
}

# Times of the next try are left out: the sweep moves them as soon as it runs.
rows() {
  local query
  for query in 'number, status, check_in, check_out FROM orders_order' \
    'order_id, kind, created_at FROM orders_orderevent' \
    'out_trade_no, status, trade_no, amount_fen, received_fen, refund_reserved_fen FROM payments_payment' \
    'out_request_no, status, amount_fen FROM payments_refund' \
    'house_id, night, order_number FROM houses_bookednight' 'id, mobile, password FROM accounts_user'; do
    mariadb -N ihome_rehearsal -e "SELECT $query ORDER BY 1, 2, 3" | sed "s/^/${query##* } /"
  done
}

lose_and_restore() {
  local before
  systemctl stop ihome-sweep # its heartbeat and tries would differ
  before=$(rows)
  echo "$(wc -l <<<"$before") rows"
  deploy/backup.sh --binlogs
  mariadb -e 'SET sql_log_bin = 0; DROP DATABASE ihome_rehearsal'
  deploy/restore.sh --identity /etc/backup-key.txt
  systemctl stop ihome-sweep
  diff <(echo "$before") <(rows) || fail "rows differ after the restore"
  systemctl start ihome-sweep
}

look_after() {
  act status "$paid" | grep -F '"PAID"'
  act status "$refunded" | grep -F '"CANCELED"'
  act pay "$booked" # goes on where it was
  manage check_money
}

# The dump alone: what was booked and paid since is lost, and no nights can be booked until its bill has come.
restore_without_binlogs() {
  local lost status=0
  deploy/backup.sh
  lost=$(act pay)
  mariadb -e 'SET sql_log_bin = 0; DROP DATABASE ihome_rehearsal'
  deploy/restore.sh --identity /etc/backup-key.txt --without-binlogs
  [ "$(mariadb -N ihome_rehearsal -e "SELECT COUNT(*) FROM orders_order WHERE number = '$lost'")" = 0 ] ||
    fail "the order is there: it tests nothing"
  manage reconcile_bill >/tmp/bill.log 2>&1 || status=$?
  if [ $status != 2 ] || ! grep 'is to come, by about 09:00' /tmp/bill.log; then fail "$status: $(cat /tmp/bill.log)"; fi
  if act book 2>/tmp/book.log; then fail "nights could be booked"; fi
  mariadb ihome_rehearsal -e 'UPDATE orders_recovery SET done_at = NOW()' # as staff lift it
  act book
}

opens_for_nobody_else() {
  local file
  for file in /var/backups/ihome/daily/*/*.age; do head -c 21 "$file" | grep -q '^age-encryption.org/v1' || fail "$file is open"; done
  [ "$(stat -c %a /var/backups/ihome)" = 700 ] || fail "others can read the backups"
}

server --self-signed
step "demo houses and renters" seed
step "backup" set_up_key
step "backup" deploy/backup.sh
step "pays, refunds and books after the dump" after_the_dump
step "loses the database and restores it" lose_and_restore
step "everything is there" look_after
step "restores without binlogs" restore_without_binlogs
step "backups are encrypted" opens_for_nobody_else
echo "All steps passed."
