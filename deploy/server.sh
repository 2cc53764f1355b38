#!/usr/bin/env bash
# Puts the site up on a bare Debian 12, as root. Run it again at any time: it changes only what differs, and goes on where
# it was interrupted.
#
#   deploy/server.sh --domain stay.example --email you@stay.example
#
#   --rehearsal           at Alipay's sandbox: no real money moves, on a database of its own
#   --self-signed         a certificate of our own making, to try it; browsers warn of it
#   --email-url URL       the mail server, such as smtp+tls://user:password@smtp.example:587
#   --app-id, --seller-id the two numbers of Alipay's console (APPID and PID)
#   --alipay-key FILE     the "Alipay public key" of the console
#   --watcher ADDRESS     a machine that may ask for /readyz and /metrics
#   --version COMMIT      of this repository; the commit that is checked out here. Later ones: deploy/upgrade.sh
#
# Until Alipay's keys and numbers are there, the site is a rehearsal at the stand-in Alipay of this machine.
set -euo pipefail
shopt -s inherit_errexit
called_from=$PWD
cd "$(dirname "$0")/.."
umask 022
# shellcheck source=deploy/lib.sh
. deploy/lib.sh
PATH=$PATH:/usr/sbin:/sbin

domain='' email='' email_url='' app_id='' seller_id='' alipay_key='' watcher='' version=HEAD
is_rehearsal='' is_self_signed=''

read_arguments() {
  while [ $# -gt 0 ]; do
    case $1 in
      --rehearsal) is_rehearsal=1 ;;
      --self-signed) is_self_signed=1 ;;
      --domain | --email | --email-url | --app-id | --seller-id | --alipay-key | --watcher | --version)
        [ $# -gt 1 ] || fail "$1 needs a value."
        local name=${1#--}
        printf -v "${name//-/_}" %s "$2"
        shift
        ;;
      *) fail "$1 is no option; the first lines of deploy/server.sh list them." ;;
    esac
    shift
  done
  [[ $alipay_key = /* || -z $alipay_key ]] || alipay_key=$called_from/$alipay_key
  [ -z "$alipay_key" ] || [ -s "$alipay_key" ] || fail "--alipay-key: there is no file $alipay_key."
  [[ $domain =~ ^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$ ]] || fail "--domain stay.example: the name of the site."
  [ -n "$is_self_signed" ] || [[ $email =~ ^[^@\ ]+@[^@\ ]+$ ]] || fail "--email you@$domain: told if the certificate fails."
}

require_debian() {
  require_root
  # shellcheck source=/dev/null
  . /etc/os-release
  [ "${ID:-} ${VERSION_ID:-}" = "debian 12" ] || fail "This is ${PRETTY_NAME:-no Debian}; server.sh is made for Debian 12."
}

# --- Packages, user, folders ----------------------------------------------------------------------

packages=(ca-certificates netbase curl git openssl tar python3 python3-venv python3-dev gcc libc6-dev libmariadb-dev pkg-config
  mariadb-server nginx nftables logrotate systemd-timesyncd age tzdata)

install_packages() {
  local each missing=()
  [ -n "$is_self_signed" ] || packages+=(certbot)
  for each in "${packages[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$each" 2>/dev/null)" = installed ] || missing+=("$each")
  done
  # Another clock that is installed already stays.
  if [ -e /usr/sbin/chronyd ] || [ -e /usr/sbin/ntpd ]; then missing=("${missing[@]/systemd-timesyncd/}"); fi
  [ -n "${missing[*]// /}" ] || return 0
  say "installs Debian's packages: ${missing[*]}"
  for _ in $(seq 60); do # what an interrupted run left; where another apt is at work, wait for it
    DEBIAN_FRONTEND=noninteractive quietly dpkg --configure -a && break
    sleep 5
  done
  quietly apt-get update -qq -o Acquire::Retries=3
  # shellcheck disable=SC2068
  apt_install ${missing[@]}
}

make_user() {
  id ihome >/dev/null 2>&1 || useradd --system --user-group --home-dir "$home" --no-create-home \
    --shell /usr/sbin/nologin ihome
}

make_folders() {
  install -d -m 755 "$home" "$releases" /var/lib/ihome-acme /etc/nftables.d
  install -d -m 755 -o ihome -g ihome "$home/media"
  install -d -m 750 -g ihome "$config"
  install -d -m 700 -o ihome -g ihome "$keys"
  install -d -m 750 -g adm /var/log/ihome
  install -d -m 2750 -o mysql -g adm /var/log/mysql
  install -d -m 700 "$backups"
}

# --- Database -------------------------------------------------------------------------------------

# ihome signs in as the user of that name on this machine: there is no password to keep.
sql_of_database() {
  local name
  for name in ihome ihome_rehearsal; do
    echo "CREATE DATABASE IF NOT EXISTS $name CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;"
  done
  echo "CREATE USER IF NOT EXISTS ihome@localhost IDENTIFIED VIA unix_socket;"
  for name in ihome ihome_rehearsal; do
    echo "GRANT ALL PRIVILEGES ON $name.* TO ihome@localhost;"
  done
}

set_up_database() {
  local cnf=/etc/mysql/mariadb.conf.d/60-ihome.cnf memory
  memory=$(awk '/^MemTotal/ {m = int($2 / 4096); print (m < 128 ? 128 : m > 8192 ? 8192 : m)}' /proc/meminfo)
  put "$cnf" 644 < <(sed "s/@memory@/$memory/" deploy/etc/mariadb.cnf)
  systemctl enable -q mariadb
  if has_changed "$cnf"; then systemctl restart mariadb; else systemctl start mariadb; fi
  quietly mariadb-admin --wait=30 ping
  sql_of_database | mariadb
}

# --- Code -----------------------------------------------------------------------------------------

fetch_code() {
  local here=$PWD origin
  [ -e "$here/.git" ] || fail "$here is no git checkout: clone the repository, and run its deploy/server.sh."
  [ -e "$repository/HEAD" ] || git init -q --bare "$repository"
  git --git-dir="$repository" config receive.shallowUpdate true
  origin=$(git -c safe.directory="$here" -C "$here" remote get-url origin 2>/dev/null || echo "$here")
  git --git-dir="$repository" config ihome.source "$origin" # upgrade.sh fetches from there
  commit=$(git -c safe.directory="$here" -C "$here" rev-parse --verify "$version^{commit}")
  git -c safe.directory="$here" -C "$here" push -q --force "$repository" "$commit:refs/heads/installed"
  git -c safe.directory="$here" -C "$here" push -q --force "$repository" --tags
}

# --- Settings, keys -------------------------------------------------------------------------------

write_settings() {
  local database=ihome
  [ -z "$is_rehearsal" ] || database=ihome_rehearsal
  keep_setting SECRET_KEY "$(openssl rand -hex 40)"
  set_setting SITE_URL "https://$domain"
  [ -z "$watcher" ] || put "$config/watcher" 644 <<<"$watcher"
  set_setting TRUST_PROXY 1
  keep_setting METRICS_TOKEN "$(openssl rand -hex 20)"
  set_setting LAST_BACKUP_PATH "$config/last-backup"
  set_setting CERTIFICATE_PATH "$(certificate)"
  set_setting REHEARSAL "$is_rehearsal"
  set_setting DATABASE_URL "mysql://ihome@localhost/$database?unix_socket=/run/mysqld/mysqld.sock"
  set_setting MEDIA_ROOT "$home/media"
  set_setting ALIPAY_GATEWAY_URL "${is_rehearsal:+https://openapi-sandbox.dl.alipaydev.com/gateway.do}"
  set_setting ALIPAY_APP_PRIVATE_KEY_PATH "$keys/app_private_key.pem"
  set_setting ALIPAY_PUBLIC_KEY_PATH "$keys/alipay_public_key.pem"
  keep_setting DEFAULT_FROM_EMAIL "ihome <noreply@$domain>"
  [ -z "$email_url" ] || set_setting EMAIL_URL "$email_url"
  [ -z "$app_id" ] || set_setting ALIPAY_APP_ID "$app_id"
  [ -z "$seller_id" ] || set_setting ALIPAY_SELLER_ID "$seller_id"
  chown ihome:ihome "$settings"
  chmod 600 "$settings"
}

# The console shows a key as one long line; a PEM file has a frame around it.
as_pem() {
  local text
  text=$(cat)
  if [[ $text == *-----BEGIN* ]]; then
    printf '%s\n' "$text"
  else
    echo '-----BEGIN PUBLIC KEY-----'
    tr -d '[:space:]' <<<"$text" | fold -w 64
    printf '\n-----END PUBLIC KEY-----\n'
  fi
}

make_keys() {
  local private=$keys/app_private_key.pem
  [ -s "$private" ] || put "$private" 600 ihome:ihome < <(openssl genrsa 2048 2>/dev/null)
  put "$keys/app_public_key.pem" 644 ihome:ihome < <(openssl rsa -in "$private" -pubout 2>/dev/null)
  [ -z "$alipay_key" ] || put "$keys/alipay_public_key.pem" 644 ihome:ihome < <(as_pem <"$alipay_key")
  chown ihome:ihome "$keys"/*.pem
  chmod 600 "$private"
}

# Prints a sentence for each thing that Alipay's side still lacks.
list_missing() {
  local where=${is_rehearsal:+the sandbox (沙箱) of }
  [ -s "$keys/alipay_public_key.pem" ] ||
    echo "At ${where}open.alipay.com, store the app's public key, $keys/app_public_key.pem, and save the Alipay public key (支付宝公钥) that it then shows: --alipay-key FILE."
  [[ $(get_setting ALIPAY_APP_ID) =~ ^[0-9]+$ ]] || echo "Note the APPID there: --app-id 2021…"
  [[ $(get_setting ALIPAY_SELLER_ID) =~ ^[0-9]+$ ]] || echo "Note the merchant's PID (商户 PID) there: --seller-id 2088…"
  [ -n "$is_rehearsal" ] || [ -n "$(get_setting EMAIL_URL)" ] ||
    echo "Say which mail server sends the site's mail: --email-url smtp+tls://user:password@smtp.example:587"
}

# Without all of them the site can't serve real orders. It then rehearses at the stand-in, on the rehearsal's database.
choose_alipay() { # RELEASE
  local state=/var/lib/ihome-stand-in unit
  if [ -z "$(list_missing)" ]; then
    rm -f "$stand_in"
    for unit in ihome ihome-sweep ihome-bill ihome-watch ihome-check ihome-stand-in; do
      remove_file "/etc/systemd/system/$unit.service.d/stand-in.conf"
    done
    remove_file /etc/systemd/system/ihome-stand-in.service
    return
  fi
  say "rehearses at the stand-in Alipay until Alipay's keys are there"
  install -d -m 700 -o ihome -g ihome "$state"
  put "$stand_in" 640 root:ihome <<-END
	REHEARSAL=1
	DATABASE_URL=mysql://ihome@localhost/ihome_rehearsal?unix_socket=/run/mysqld/mysqld.sock
	ALIPAY_GATEWAY_URL=http://127.0.0.1:8001/gateway.do
	ALIPAY_APP_PRIVATE_KEY_PATH=$state/keys/app_private_key.pem
	ALIPAY_PUBLIC_KEY_PATH=$state/keys/alipay_public_key.pem
	ALIPAY_APP_ID=9021000000000001
	ALIPAY_SELLER_ID=2088000000000001
	SSL_CERT_FILE=$(trusted_authorities)
	END
  for unit in ihome ihome-sweep ihome-bill ihome-watch ihome-check ihome-stand-in; do
    put "/etc/systemd/system/$unit.service.d/stand-in.conf" 644 <<-END
	[Service]
	EnvironmentFile=$stand_in
	END
  done
  put /etc/systemd/system/ihome-stand-in.service 644 <"$1/deploy/systemd/ihome-stand-in.service"
  manage "$1" make_demo_keys "$state/keys" >/dev/null
}

remove_file() { # FILE
  [ -e "$1" ] || return 0
  if [[ $1 == *ihome-stand-in.service ]]; then systemctl disable -q --now ihome-stand-in; fi
  rm "$1"
  changed+=("$1")
}

# --- Certificate ----------------------------------------------------------------------------------

private_key() { echo "/etc/ssl/private/$domain.key"; }

# The stand-in sends its notices to the site: with a certificate of our own making, that one is to be trusted.
trusted_authorities() {
  if [ -n "$is_self_signed" ]; then certificate; else echo /etc/ssl/certs/ca-certificates.crt; fi
}

is_valid_for_days() { # DAYS
  openssl x509 -in "$(certificate)" -noout -checkend $(($1 * 86400)) >/dev/null 2>&1 &&
    openssl x509 -in "$(certificate)" -noout -ext subjectAltName 2>/dev/null | grep -q "DNS:$domain\$"
}

# Also before certbot's first certificate: nginx doesn't start without one.
make_certificate() {
  local key
  [ ! -e "$(readlink "$(certificate)")" ] || return 0 # certbot's
  is_valid_for_days 30 && [ -s "$(private_key)" ] && return
  say "makes a certificate for $domain"
  key=$(private_key)
  install -d -m 710 /etc/ssl/private
  rm -f "$(certificate)" "$key"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -subj "/CN=$domain" \
    -addext "subjectAltName=DNS:$domain" -keyout "$key.new" -out "$(certificate).new" 2>/dev/null
  chmod 600 "$key.new"
  chmod 644 "$(certificate).new"
  mv "$key.new" "$key"
  mv "$(certificate).new" "$(certificate)"
  changed+=("$(certificate)")
}

# Debian's certbot.timer renews it.
get_certificate() {
  local live=/etc/letsencrypt/live/$domain
  [ -z "$is_self_signed" ] || return 0
  if [ ! -e "$live/fullchain.pem" ]; then
    say "asks Let's Encrypt for a certificate"
    certbot certonly -q -n --agree-tos -m "$email" --webroot -w /var/lib/ihome-acme -d "$domain" \
      --deploy-hook "systemctl reload nginx" || {
      todo+=("The certificate is one of our own making, which browsers refuse: point $domain at this machine, let port 80 in, and run this again.")
      return 0
    }
  fi
  systemctl enable -q --now certbot.timer
  [ "$(readlink "$(certificate)")" != "$live/fullchain.pem" ] || return 0
  ln -sfn "$live/fullchain.pem" "$(certificate)"
  ln -sfn "$live/privkey.pem" "$(private_key)"
  systemctl reload nginx
}

# --- Limits, time, firewall ----------------------------------------------------------------------

set_limits() { # RELEASE
  local journald=/etc/systemd/journald.conf.d/ihome.conf
  put "$journald" 644 <"$1/deploy/etc/journald.conf"
  put /etc/logrotate.d/ihome 644 <"$1/deploy/etc/logrotate.conf"
  if has_changed "$journald"; then systemctl restart systemd-journald; fi
  systemctl enable -q --now logrotate.timer
}

# The site compares deadlines, and staff's codes hold for half a minute.
keep_time() {
  local clock=systemd-timesyncd
  if [ -e /usr/sbin/chronyd ]; then clock=chrony; elif [ -e /usr/sbin/ntpd ]; then return 0; fi
  systemctl enable -q --now "$clock"
}

ssh_ports() {
  { sshd -T 2>/dev/null || true; } | awk '$1 == "port" {print $2}' | sort -u | paste -sd, | grep . || echo 22
}

set_up_firewall() { # RELEASE
  if [ -e /etc/nftables.conf ] && ! grep -q 'Firewall for ihome' /etc/nftables.conf; then
    cp -a /etc/nftables.conf /etc/nftables.conf.before-ihome
  fi
  put /etc/nftables.conf 755 < <(sed "s/@ssh_ports@/$(ssh_ports)/" "$1/deploy/etc/nftables.conf")
  nft -c -f /etc/nftables.conf
  systemctl enable -q nftables
  if has_changed /etc/nftables.conf || ! systemctl is-active -q nftables; then systemctl restart nftables; fi
}

# --- Units ----------------------------------------------------------------------------------------

start_units() { # RELEASE SERVED_BEFORE
  if [ -e "$stand_in" ]; then systemctl enable -q --now ihome-stand-in; fi
  # A service that was started without the socket would keep it from listening.
  systemctl is-active -q ihome.socket || systemctl stop ihome.service
  systemctl enable -q --now ihome.socket
  systemctl enable -q "${services[@]}"
  if [ "$1" != "$2" ] || [[ " ${changed[*]}" =~ \ ($settings|$stand_in|$keys|/etc/systemd/system/) ]]; then
    say "restarts the site and the sweep"
    systemctl restart "${services[@]}"
  else
    systemctl start "${services[@]}"
  fi
  systemctl enable -q --now ihome-bill.timer ihome-watch.timer ihome-check.timer ihome-backup.timer ihome-binlog.timer
}

# --- In the end -----------------------------------------------------------------------------------

todo=()
list_todo() {
  local line
  while read -r line; do todo+=("$line"); done < <(list_missing)
  if [ -e "$stand_in" ]; then
    todo+=("Then run this again: until that, all orders are a rehearsal, in a database of their own (ihome_rehearsal). The stand-in's cashier opens on this machine alone, or through ssh -L 8001:127.0.0.1:8001.")
  fi
  [ -z "$is_self_signed" ] || todo+=("Run this again without --self-signed: browsers warn of this certificate.")
  [ -s "$config/backup-recipient" ] || todo+=("No backup is made yet: on a machine of yours, make a key with age-keygen, keep it there, and put its public line (age1…) into $config/backup-recipient.")
  todo+=("Make the first superuser: cd $current && runuser -u ihome -- .venv/bin/python manage.py createsuperuser")
  say "still to do:"
  printf '  - %s\n' "${todo[@]}"
}

# Each step on a line of its own: behind && or ||, bash would go on after an error inside it.
main() {
  local release before
  read_arguments "$@"
  require_debian
  lock
  install_packages
  say "makes the user ihome and its folders"
  make_user
  make_folders
  say "sets up MariaDB"
  set_up_database
  say "fetches the code"
  fetch_code
  say "writes settings and keys"
  write_settings
  make_keys
  release=$(make_release "$commit")
  before=$(readlink "$current" || true)
  make_certificate
  choose_alipay "$release"
  say "checks the site, and brings its database up to date"
  quietly manage "$release" check --deploy --fail-level ERROR
  collect_static "$release"
  manage "$release" migrate --noinput --verbosity=0
  quietly manage "$release" check --deploy --database default --fail-level ERROR
  if [ -n "$before" ] && [ "$before" != "$release" ]; then point "$previous" "$before"; fi
  point "$current" "$release"
  say "starts the site, the sweep and the timers"
  install_units "$release"
  start_units "$release" "$before"
  say "sets up nginx"
  set_up_nginx "$release"
  get_certificate
  say "limits the logs and keeps the time"
  set_limits "$release"
  keep_time
  say "closes all ports but ssh, http and https"
  set_up_firewall "$release"
  wait_until_ready 120 || fail "journalctl -u ihome -u ihome-sweep says why."
  say "https://$domain is up: /readyz says ok"
  list_todo
}

main "$@"
