#!/usr/bin/env bash
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

if [ "${1-}" = --help ] || [ "${1-}" = -h ]; then
  cat <<'TEXT'
usage: scripts/soak.sh [option of scripts/soak.py]...

Installs what is missing, builds the programs in build/release and runs a
cluster at full load for ten minutes while its memory is watched.

TEXT
  [ ! -x "$python" ] || exec "$python" scripts/soak.py --help
  exit 0
fi

# Standard output belongs to the soak, which may write JSON there.
scripts/setup.sh >&2
build release "${programs[@]}" >&2
exec "$python" scripts/soak.py "$@"
