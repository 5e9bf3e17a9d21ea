# Shared by the scripts beside it, which source it first.
set -euo pipefail

# Every script works from any directory.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

# Debian's own Python: the modules that setup.sh installs belong to it.
python=/usr/bin/python3

programs=(dynamo-worker dynamo-router dynamo-broker dynamo-loadgen dynamo-events)

say() { printf '== %s\n' "$*"; }

fail() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# build PRESET [TARGET...]: configures quietly and builds with every core, or
# with $build_jobs.
build() {
  local preset=$1
  shift
  local log
  log=$(mktemp)
  if ! cmake --preset "$preset" >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
  cmake --build --preset "$preset" --parallel "${build_jobs:-$(nproc)}" \
    ${1:+--target "$@"}
}
