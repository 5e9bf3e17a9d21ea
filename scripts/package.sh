#!/usr/bin/env bash
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
  cat <<'TEXT'
usage: scripts/package.sh [DIRECTORY]

Installs what is missing, builds the programs, and writes a package of Debian
with them, their configurations and units of systemd to DIRECTORY (default
build/package), in place of those that are there. Prints its path.
TEXT
}

case ${1-} in
  --help | -h)
    usage
    exit 0
    ;;
  -*) fail "unknown argument \"$1\"; see --help" ;;
esac
directory=${1:-build/package}

scripts/setup.sh --build >&2
build release "${programs[@]}" >&2
rm -f "$directory"/dynamo-events_*.deb
log=$(mktemp)
trap 'rm -f "$log"' EXIT
cpack --config build/release/CPackConfig.cmake -B "$directory" >"$log" 2>&1 || {
  cat "$log" >&2
  fail "cpack could not write a package"
}
rm -rf "$directory/_CPack_Packages"
printf '%s\n' "$directory"/dynamo-events_*.deb
