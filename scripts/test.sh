#!/usr/bin/env bash
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
  cat <<'TEXT'
usage: scripts/test.sh [--quick]

Installs what is missing, builds and runs every test: unit and integration
tests, an outside project against the installed tree, scenarios of several
processes, the core of the interop tests with real processes of NVIDIA Dynamo
(from PyPI); then the tests again under AddressSanitizer and
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
interop=

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
  # It ends by itself, and with all that it started.
  [ -z "$interop" ] || wait "$interop" || true
  printf '\n'
  [ ${#finished[@]} -eq 0 ] || printf '%s\n' "${finished[@]}"
  [ -z "$current" ] ||
    printf '%-34s FAILED  %5d s\n' "$current" $((SECONDS - started))
  printf '%-34s %-7s %5d s\n' total \
    "$([ "$status" -eq 0 ] && echo ok || echo FAILED)" "$SECONDS"
}
trap summary EXIT

# ThreadSanitizer of GCC 12 does not start where the kernel spreads addresses
# more than it knows of; some containers do not let a process turn that off.
tsan_tests() {
  local fixed=(setarch --addr-no-randomize)
  "${fixed[@]}" true 2>/dev/null || fixed=()
  "${fixed[@]}" ctest --preset tsan
}

# Processes of Dynamo mostly wait, so they run while others compile.
begin_interop() {
  interop_log=$(mktemp)
  scripts/interop.sh --core >"$interop_log" 2>&1 &
  interop=$!
}
end_interop() {
  local status=0
  wait "$interop" || status=$?
  interop=
  cat "$interop_log"
  rm -f "$interop_log"
  return "$status"
}

stage "setup" scripts/setup.sh
stage "build" build release
stage "unit and integration tests" ctest --preset release
stage "scenarios" "$python" -m pytest -q -n 3 tests/scenarios
if [ "$quick" = no ]; then
  begin_interop
  stage "build, address and undefined" build asan all_tests
  stage "interop with Dynamo, beside that" end_interop
  stage "tests, address and undefined" ctest --preset asan
  stage "build, thread" build tsan thread_tests
  stage "tests, thread" tsan_tests
else
  stage "interop with Dynamo" scripts/interop.sh --core
fi
