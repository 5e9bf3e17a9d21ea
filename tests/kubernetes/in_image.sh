#!/usr/bin/env bash
# Runs a command that finds the programs of an image in DYNAMO_BIN. They see the
# image's root file system and nothing else, cannot write to any file, and are
# neither root nor capable of anything, as in deploy/kubernetes.
#
# usage: in_image.sh ROOT COMMAND...
#
# Needs root. What it mounts goes with a mount namespace of its own.
set -euo pipefail

if [ "${IN_IMAGE-}" != yes ]; then
  export IN_IMAGE=yes
  private=(unshare --mount)
  # Where this machine's root is no mount of its own, it has nobody to tell.
  "${private[@]}" true 2>/dev/null || private+=(--propagation unchanged)
  exec "${private[@]}" "$0" "$@"
fi

user=10001
root=$(readlink -f "$1")
shift

# Of the machine the programs see what the command writes for them, which is below
# TMPDIR, and the configurations of scenarios, at the same paths.
TMPDIR=$(mktemp -d)
export TMPDIR
seen=("$TMPDIR" "$(readlink -f "$(dirname "$0")/../scenarios")")
leave() {
  umount --lazy "$root"
  rm -rf "$TMPDIR"
  rmdir "$root$TMPDIR"
}
trap leave EXIT
# open_way PLACE: where only the image's root may enter on the way there, as in
# /root, an empty folder takes the place.
open_way() {
  local at=$root part
  local -a parts
  IFS=/ read -ra parts <<<"${1#/}"
  for part in "${parts[@]}"; do
    at+=/$part
    [ -d "$at" ] || return 0
    (($(stat -c '0%a' "$at") & 1)) || mount -t tmpfs -o mode=755 none "$at"
  done
}
mount --bind "$root" "$root"
mount --make-private "$root"
for place in "${seen[@]}"; do
  open_way "$place"
  mkdir -p "$root$place"
  mount --bind "$place" "$root$place"
  mount -o remount,bind,ro "$root$place"
done
mount -t proc -o ro proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -o remount,bind,ro "$root"

DYNAMO_BIN=$TMPDIR/bin
export DYNAMO_BIN
mkdir "$DYNAMO_BIN"
for program in "$root"/usr/bin/dynamo-*; do
  name=$(basename "$program")
  cat >"$DYNAMO_BIN/$name" <<SCRIPT
#!/bin/sh
chmod -R go+rX '$TMPDIR' 2>/dev/null
exec chroot '$root' setpriv --reuid=$user --regid=$user --clear-groups \
  --bounding-set=-all --inh-caps=-all --no-new-privs /usr/bin/$name "\$@"
SCRIPT
  chmod +x "$DYNAMO_BIN/$name"
done
chmod go+rX "$TMPDIR"
"$@"
