#!/usr/bin/env bash
# From a bare Debian to a paid order over https, then to another version and back. Runs inside run.sh.
set -euo pipefail
cd /opt/ihome-code
. deploy/servertest/steps.sh

# A second run finds all in place: the processes stay the same.
changes_nothing() {
  local before
  before=$(processes)
  deploy/server.sh --domain "$domain" --self-signed
  [ "$before" = "$(processes)" ] || fail "processes were restarted"
}
processes() { pgrep -f 'gunicorn|manage.py sweep|mariadbd' | sort -n; }

shows_our_page_while_the_site_is_away() {
  local answer
  sed 's/127.0.0.1:8000/127.0.0.1:9/' /etc/nginx/sites-enabled/ihome >/tmp/away.conf
  cp /etc/nginx/sites-enabled/ihome /tmp/kept.conf
  cp /tmp/away.conf /etc/nginx/sites-enabled/ihome
  systemctl reload nginx
  sleep 1
  answer=$(curl -sk -w '%{http_code}' "https://$domain/orders/?sign=SECRET")
  cp /tmp/kept.conf /etc/nginx/sites-enabled/ihome
  systemctl reload nginx
  sleep 1
  [[ $answer == *马上回来*502 ]] || fail "not our page: $answer"
}

logs_hold_no_signature() {
  if grep -rl 'sign=' /var/log/ihome /var/log/units; then fail "a signature is in these"; fi
}

# A version of its own, made in the checkout that the site came from.
next_version() {
  git config user.name test
  git config user.email "test@$domain"
  echo >>CHANGELOG.md
  git commit -qam "Test an upgrade"
}

goes_on_and_back() {
  local old new seen
  old=$(readlink "$site")
  rm -f /tmp/stop
  "$renter" deploy/servertest/renter.py pages 1000 /tmp/stop &
  seen=$!
  sleep 1
  deploy/upgrade.sh --without-backup under-test
  new=$(readlink "$site")
  [ "$new" != "$old" ] || fail "the same version serves"
  deploy/rollback.sh
  [ "$(readlink "$site")" = "$old" ] || fail "not the old version"
  touch /tmp/stop
  wait $seen
}

# Keys of our own making: nothing is due in the new database, so nobody is called.
serves_real_orders() {
  openssl genrsa 2048 2>/dev/null | openssl rsa -pubout 2>/dev/null | grep -v -e ----- >/tmp/alipay_key.txt
  server --self-signed --app-id 2021000000000001 --seller-id 2088000000000001 --alipay-key /tmp/alipay_key.txt \
    --email-url smtp://127.0.0.1:25
  [ ! -e /etc/ihome/stand-in.env ] || fail "the stand-in is still there"
  if systemctl is-active -q ihome-stand-in 2>/dev/null; then fail "the stand-in still runs"; fi
  [ "$(mariadb -N ihome -e 'SELECT COUNT(*) FROM orders_order')" = 0 ] || fail "rehearsed orders are among real ones"
  [ "$(stat -c '%a %U' /srv/ihome/.env)" = "600 ihome" ] || fail ".env is open"
}

systemd_knows_the_units() {
  systemd-analyze verify --man=no /etc/systemd/system/ihome*.{service,socket,timer}
}

is_killed_half_way() {
  timeout -s KILL 20 deploy/server.sh --domain "$domain" --self-signed || true
}

began=$SECONDS
step "server.sh, killed after 20 s" is_killed_half_way
server --self-signed
pay
echo "From bare to paid: $((SECONDS - began)) s."
step "server.sh once more" changes_nothing
step "our own page while the site is away" shows_our_page_while_the_site_is_away
step "no signature in a log" logs_hold_no_signature
next_version
step "upgrade and rollback under 1,000 pages" goes_on_and_back
step "systemd-analyze verify" systemd_knows_the_units
step "serves real orders once the keys are there" serves_real_orders
echo "All steps passed."
