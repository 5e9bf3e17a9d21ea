#!/usr/bin/env bash
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
  cat <<'TEXT'
usage: scripts/test.sh [--quick]

Installs what is missing, builds and runs every test: unit and integration
tests, an outside project against the installed tree, scenarios of several
processes, the core of the interop tests with real processes of NVIDIA Dynamo
(from PyPI), scenarios at a real API server of Kubernetes, with the programs of
deploy/Dockerfile too; then the tests again under AddressSanitizer and
UndefinedBehaviorSanitizer, and those with threads under ThreadSanitizer.
Stops at the first failure and ends with a table of what ran and how long.

  --quick   without the sanitizers
TEXT
}

quick=no
case ${1-} in
  --help | -h)
    usage
    exit 0
    ;;
  --quick) quick=yes ;;
  '') ;;
  *) fail "unknown argument \"$1\"; see --help" ;;
esac

finished=()
current=
started=0
declare -A behind=()
logs=$(mktemp -d)

# stage NAME COMMAND...
stage() {
  current=$1
  started=$SECONDS
  shift
  say "$current"
  "$@"
  finished+=("$(printf '%-34s ok      %5d s' "$current" $((SECONDS - started)))")
  current=
}

summary() {
  local status=$?
  # Tests end by themselves, with all that they started; compilers need not.
  for name in "${!behind[@]}"; do
    [ "$name" = neighbours ] || kill -- "-${behind[$name]}" 2>/dev/null || true
    wait "${behind[$name]}" || true
  done
  rm -rf "$logs"
  printf '\n'
  [ ${#finished[@]} -eq 0 ] || printf '%s\n' "${finished[@]}"
  [ -z "$current" ] ||
    printf '%-34s FAILED  %5d s\n' "$current" $((SECONDS - started))
  printf '%-34s %-7s %5d s\n' total \
    "$([ "$status" -eq 0 ] && echo ok || echo FAILED)" "$SECONDS"
}
trap summary EXIT

# begin NAME COMMAND...: runs it beside what follows, until end NAME.
begin() {
  local name=$1
  shift
  # In a group of its own, so that all of it can be ended.
  set -m
  "$@" >"$logs/$name" 2>&1 &
  set +m
  behind[$name]=$!
}
# Waits for it, shows what it printed, and fails when it failed.
end() {
  local status=0
  wait "${behind[$1]}" || status=$?
  unset "behind[$1]"
  cat "$logs/$1"
  return "$status"
}

# ThreadSanitizer does not start where the kernel spreads addresses more than it
# knows of; some containers do not let a process turn that off.
tsan_tests() {
  local fixed=(setarch --addr-no-randomize)
  "${fixed[@]}" true 2>/dev/null || fixed=()
  "${fixed[@]}" ctest --preset tsan
}

# Tests mostly wait, so a compiler may have what they leave; more than one
# would be felt.
build_sanitized() {
  renice -n 19 "$BASHPID" >/dev/null
  build_jobs=1 build asan all_tests
  build_jobs=1 build tsan thread_tests
}
build_thread() {
  renice -n 19 "$BASHPID" >/dev/null
  build tsan thread_tests
}
# Beside real processes of others, which are installed and built.
with_neighbours() {
  scripts/interop.sh --core
  scripts/kubernetes.sh
  scripts/image.sh
}
# What is not done goes on with every core.
stop_building_sanitized() {
  kill -INT -- "-${behind[sanitized]}" 2>/dev/null || true
  end sanitized || true
}

# Clang has the sanitizers.
with_clang=(--checks)
[ "$quick" = no ] || with_clang=()
stage "setup" scripts/setup.sh "${with_clang[@]}"
stage "build" build release
[ "$quick" = yes ] || begin sanitized build_sanitized
stage "unit and integration tests" ctest --preset release
stage "scenarios" "$python" -m pytest -q -n 3 tests/scenarios
if [ "$quick" = no ]; then
  stop_building_sanitized
  begin neighbours with_neighbours
  stage "build, address and undefined" build asan all_tests
  stage "Dynamo, Kubernetes, image, rest" end neighbours
  begin thread build_thread
  stage "tests, address and undefined" ctest --preset asan
  stage "build, thread, rest" end thread
  stage "tests, thread" tsan_tests
else
  stage "Dynamo, Kubernetes, image" with_neighbours
fi
