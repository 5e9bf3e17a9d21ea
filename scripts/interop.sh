#!/usr/bin/env bash
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
  cat <<'TEXT'
usage: scripts/interop.sh [--core | --all | --install] [option of pytest]...

Runs programs of this project beside real processes of NVIDIA Dynamo, which it
installs from PyPI into build/dynamo, a virtual environment for each release
(280 MB; once). The programs must have been built (scripts/test.sh, or
cmake --build --preset release).

  (nothing)  every case with the newest release
  --core     the cases that scripts/test.sh runs, with the newest release, 1.4,
             and 1.3, which wire_version is for
  --all      every case with every release, and doc/interop.md is written
  --install  only installs the newest release, and prints where it is

Useful options of pytest: --release 1.6.1, --plane zmq|nats, --store file|etcd,
--bin DIR (default build/release), -k WORDS, -x, -n 0.
TEXT
}

newest=1.6.1
older=(1.5.1 1.4.2 1.3.1)

releases=("$newest")
chosen=()
installs_only=no
case ${1-} in
  --help | -h)
    usage
    exit 0
    ;;
  --core)
    releases+=(1.4.2 1.3.1)
    chosen=(-m core)
    shift
    ;;
  --install) installs_only=yes ;;
  --all)
    releases+=("${older[@]}")
    chosen=(--write-table doc/interop.md)
    shift
    ;;
esac

for release in "${releases[@]}"; do
  place=build/dynamo/$release
  [ ! -e "$place/installed" ] || continue
  say "installing Dynamo $release" >&2
  rm -rf "$place"
  "$python" -m venv "$place"
  "$place/bin/pip" install --quiet --disable-pip-version-check \
    "ai-dynamo-runtime==$release" pyzmq msgpack
  touch "$place/installed"
done

if [ "$installs_only" = yes ]; then
  printf '%s\n' "$root/build/dynamo/$newest"
  exit 0
fi
say "interop"
exec "$python" -m pytest -q tests/interop -n 3 \
  "${releases[@]/#/--release=}" "${chosen[@]}" "$@"
