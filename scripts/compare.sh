#!/usr/bin/env bash
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

if [ "${1-}" = --help ] || [ "${1-}" = -h ]; then
  cat <<'TEXT'
usage: scripts/compare.sh [option of scripts/compare.py]...

Installs what is missing, builds the programs in build/release and compares the
policies of routing on both traces. About ten minutes.

TEXT
  [ ! -x "$python" ] || exec "$python" scripts/compare.py --help
  exit 0
fi

# Standard output belongs to the comparison, which may write JSON there.
scripts/setup.sh >&2
build release "${programs[@]}" >&2
exec "$python" scripts/compare.py "$@"
