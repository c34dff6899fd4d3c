#!/bin/sh
# Makes what the composed system keeps secret, once, into a folder: sh deploy/compose/secrets.sh [FOLDER]
# A password of the database and of each service's broker user; a certificate authority with the broker's and its
# operator's certificate (needs openssl). What is there already is left as it is. The files themselves may be read by
# everybody, since users inside the containers read them; their folder is closed instead, and kafka_ca.key to its owner.
set -eu
folder=${1:-$(cd "$(dirname "$0")/../secrets" && pwd)}
chmod 700 "$folder"
cd "$folder"

made() { chmod "${2:-444}" "$1.part" && mv "$1.part" "$1" && echo "made $folder/$1"; }

password() {
  if [ -s "$1" ]; then return; fi
  od -An -v -N24 -tx1 /dev/urandom | tr -d ' \n' >"$1.part"
  made "$1"
}

certificate() { # name, its extensions
  if [ -s "kafka_$1" ]; then return; fi
  printf 'basicConstraints=critical,CA:FALSE\n%b' "$2" >"$1.ext"
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" \
    -keyout "$1.key" -out "$1.csr" 2>/dev/null
  openssl x509 -req -in "$1.csr" -CA kafka_ca -CAkey kafka_ca.key -CAcreateserial -days 3650 -extfile "$1.ext" \
    -out "$1.crt" 2>/dev/null
  cat "$1.key" "$1.crt" >"kafka_$1.part"
  rm -f "$1.key" "$1.csr" "$1.crt" "$1.ext" kafka_ca.srl
  made "kafka_$1"
}

password db_password
for service in gateway indicators credit traceability; do password "kafka_$service"; done
if [ ! -s kafka_ca ]; then
  command -v openssl >/dev/null || { echo "openssl is needed: install it and run this again" >&2; exit 1; }
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj "/CN=pinzhi composed CA" \
    -addext basicConstraints=critical,CA:TRUE -keyout kafka_ca.key -out kafka_ca.part 2>/dev/null
  chmod 600 kafka_ca.key
  made kafka_ca
fi
certificate broker 'subjectAltName=DNS:kafka,DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n'
certificate operator 'extendedKeyUsage=clientAuth\n'
