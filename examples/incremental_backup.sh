#!/usr/bin/env bash
# Backs up a disk that nobody is using, each time only what changed; the same as
# incremental_backup.cpp, and as safe, with nothing but the command:
#   incremental_backup.sh DISK FOLDER
set -euo pipefail
disk=$1 folder=$2

n=0
while [ -e "$folder/$n.qcow2" ]; do n=$((n + 1)); done
oxbow bitmap list "$disk" | grep -q " since-$n\$" || oxbow bitmap --add "$disk" "since-$n"

part=$folder/$n.qcow2.part
if [ "$n" = 0 ]; then
  oxbow convert -O qcow2 "$disk" "$part"
else
  oxbow convert -O qcow2 -B "$((n - 1)).qcow2" -F qcow2 \
    --dirty "since-$((n - 1))" "$disk" "$part"
fi
sync "$part"
mv "$part" "$folder/$n.qcow2"
sync "$folder" # the new name, before the bitmap that it makes superfluous goes
for ((old = n - 1; old >= 0; old--)); do
  oxbow bitmap list "$disk" | grep -q " since-$old\$" || break
  oxbow bitmap --remove "$disk" "since-$old"
done
