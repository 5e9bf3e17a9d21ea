#!/usr/bin/env bash
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
  cat <<'TEXT'
usage: scripts/kubernetes.sh [option of pytest]...

Runs programs of this project at a real API server of Kubernetes, which it
builds the first time (scripts/kube_apiserver.sh: some minutes), and beside a
real Dynamo from PyPI. The programs must have been built (cmake --build --preset
release).

Useful options of pytest: --bin DIR (default build/release), -k WORDS, -x, -n 0.
TEXT
}

case ${1-} in
  --help | -h)
    usage
    exit 0
    ;;
esac

scripts/setup.sh
scripts/kube_apiserver.sh >/dev/null
scripts/interop.sh --install >/dev/null
say "kubernetes"
exec "$python" -m pytest -q tests/kubernetes -n 3 "$@"
