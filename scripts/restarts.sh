#!/usr/bin/env bash
# Measures what survives restarts of a NATS server, beside cnats alone; see
# scripts/restarts.py and doc/transports.md. About five minutes.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

scripts/setup.sh
build release restart_probe >&2
exec "$python" scripts/restarts.py \
  --probe build/release/tests/restart_probe "$@"
