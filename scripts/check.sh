#!/usr/bin/env bash
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
  cat <<'TEXT'
usage: scripts/check.sh [--no-tidy] [BASE]

Checks what the tests do not: clang-format on every source, the layers, the
syntax of scripts, and clang-tidy on the sources that changed since BASE
(default HEAD~1; everything when there is no such commit). Changes nothing.

  --no-tidy   without clang-tidy, which takes seconds per file
TEXT
}

tidy=yes
base=HEAD~1
for argument in "$@"; do
  case $argument in
    --help | -h)
      usage
      exit 0
      ;;
    --no-tidy) tidy=no ;;
    -*) fail "unknown argument \"$argument\"; see --help" ;;
    *) base=$argument ;;
  esac
done

# Files that are not committed yet count as well.
sources() {
  git ls-files -z --cached --others --exclude-standard -- "$@" |
    while IFS= read -r -d '' file; do
      [ ! -f "$file" ] || printf '%s\0' "$file"
    done
}

# Sources that changed, or whose header did.
changed_sources() {
  if git rev-parse -q --verify "$base^{commit}" >/dev/null; then
    git diff -z --name-only --diff-filter=d "$base" -- '*.cpp' '*.hpp'
    git ls-files -z --others --exclude-standard -- '*.cpp' '*.hpp'
  else
    sources '*.cpp'
  fi | sed -z 's/\.hpp$/.cpp/' | sort -zu |
    while IFS= read -r -d '' file; do
      [ ! -f "$file" ] || printf '%s\0' "$file"
    done
}

scripts/setup.sh --checks

say "format"
sources '*.hpp' '*.cpp' | xargs -0 -r clang-format --dry-run --Werror

say "layers"
"$python" cmake/check_layers.py .

say "scripts"
sources '*.sh' .ci/run | xargs -0 -r -n 1 bash -n
sources '*.py' | xargs -0 -r "$python" -c '
import ast, sys
for name in sys.argv[1:]:
    ast.parse(open(name, encoding="utf-8").read(), name)'

if [ "$tidy" = yes ]; then
  say "clang-tidy, changes since $base"
  cmake --preset clang >/dev/null
  # Fuzz targets and outside projects are not in the compilation database.
  changed_sources | grep -zvE '^tests/(fuzz|install)/' |
    xargs -0 -r -n 1 -P "$(nproc)" clang-tidy --quiet -p build/clang
fi
say "nothing to say"
