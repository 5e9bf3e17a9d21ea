#!/usr/bin/env bash
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

if [ "${1-}" = --help ] || [ "${1-}" = -h ]; then
  cat <<'TEXT'
usage: scripts/demo.sh [option of scripts/demo.py]...

Installs what is missing, builds the programs in build/release and runs the
demonstration: workers publish their caches over direct ZMQ, through two brokers
of ZMQ with --broker, or over NATS with --event-plane nats, and are found in a
directory, in etcd with --discovery etcd, or at an API server of Kubernetes with
--discovery kubernetes; a router follows them and routes a recorded request
trace, while workers leave and join.

TEXT
  [ ! -x "$python" ] || exec "$python" scripts/demo.py --help
  exit 0
fi

# Standard output belongs to the demonstration, which may write JSON there.
scripts/setup.sh >&2
build release "${programs[@]}" >&2
exec "$python" scripts/demo.py "$@"
