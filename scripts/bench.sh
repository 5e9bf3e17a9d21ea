#!/usr/bin/env bash
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
  cat <<'TEXT'
usage: scripts/bench.sh [--with-dynamo] [--with-soak] [--pairs N] [MEASURE]...

Installs what is missing, builds dynamo-bench in build/release, measures
everything (or the named measures) beside its baselines, and writes the figures
to build/bench/report.json. When everything was measured, doc/performance.md and
its pictures are written anew from them. Half an hour; with Dynamo an hour or
more. Records of discovery are put into /dev/shm, unless TMPDIR is set.

  --with-dynamo  builds apps/bench/peers/dynamo too and measures beside it;
                 needs cargo 1.85 or newer and ten minutes more the first time
  --with-soak    runs both transports at 80 % of their peak for ten minutes each
  --pairs N      how often the sides take turns, 5

dynamo-bench run --help lists the measures.
TEXT
}

with_dynamo=no
with_soak=no
pairs=5
measures=()
while [ $# -gt 0 ]; do
  case $1 in
    --help | -h)
      usage
      exit 0
      ;;
    --with-dynamo) with_dynamo=yes ;;
    --with-soak) with_soak=yes ;;
    --pairs)
      pairs=${2:?--pairs needs a number}
      shift
      ;;
    -*) fail "unknown argument \"$1\"; see --help" ;;
    *) measures+=("$1") ;;
  esac
  shift
done

# The crates of Dynamo need a newer compiler than Debian 12 has.
build_dynamo_peer() {
  command -v cargo >/dev/null ||
    fail "--with-dynamo needs cargo 1.85 or newer (https://rustup.rs)"
  scripts/setup.sh --dynamo-crates
  say "the peer of Dynamo's crates"
  (cd apps/bench/peers/dynamo && cargo build --release --locked)
}

scripts/setup.sh
build release dynamo-bench
flags=(--pairs "$pairs" --report build/bench/report.json)
if [ "$with_dynamo" = yes ]; then
  build_dynamo_peer
  flags+=(--dynamo apps/bench/peers/dynamo/target/release/dynamo-bench-peer)
fi
mkdir -p build/bench
# Records of discovery are files; the disk is not what is measured.
[ ! -w /dev/shm ] || export TMPDIR=${TMPDIR:-/dev/shm}
build/release/apps/bench/dynamo-bench run "${measures[@]}" "${flags[@]}"
reports=(build/bench/report.json)
if [ "$with_soak" = yes ]; then
  reports+=(build/bench/soak.json)
  build/release/apps/bench/dynamo-bench run soak --report build/bench/soak.json
fi
if [ ${#measures[@]} -eq 0 ]; then
  "$python" scripts/performance.py "${reports[@]}" doc
fi
