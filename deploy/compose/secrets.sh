#!/bin/sh
# Makes the database password of the composed system, once: sh deploy/compose/secrets.sh [FILE]
# The file itself may be read by everybody, since users inside the containers read it; its folder is closed instead.
set -eu
file=${1:-}
if [ -z "$file" ]; then
  folder=$(cd "$(dirname "$0")/../secrets" && pwd)
  chmod 700 "$folder"
  file=$folder/db_password
fi
if [ -s "$file" ]; then
  echo "$file is there already and is left as it is"
  exit 0
fi
part=$(mktemp "$file.XXXXXX")
od -An -v -N24 -tx1 /dev/urandom | tr -d ' \n' >"$part"
chmod 444 "$part"
mv "$part" "$file"
echo "made $file"
