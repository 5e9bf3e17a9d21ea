#!/usr/bin/env bash
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
  cat <<'TEXT'
usage: scripts/setup.sh [--build | --checks | --image | --dynamo-crates]

Installs from Debian what is missing to build, run and test this project, after
saying what that is. Does nothing, quickly, when everything is there. Uses sudo
when not run by root. Does not let Debian start the servers among it.

  --build    only what the programs are built and packaged with
  --checks   also clang, clang-format and clang-tidy, which scripts/check.sh
             and the presets "asan", "tsan", "clang" and "fuzz" need
  --image    also what scripts/image.sh makes a root file system with
  --dynamo-crates
             also what the crates of Dynamo are compiled with, but cargo, of
             which they want a newer one
TEXT
}

to_build=(
  ca-certificates git
  g++ cmake ninja-build pkg-config mold dpkg-dev file
  libcaf-dev libzmq3-dev cppzmq-dev libnats-dev libsodium-dev libxxhash-dev nlohmann-json3-dev
  libcurl4-openssl-dev libyaml-cpp-dev
  libspdlog-dev libcli11-dev libcpp-httplib-dev prometheus-cpp-dev
  # Tests are configured, too.
  catch2 python3
)
packages=(
  "${to_build[@]}"
  python3-venv python3-pytest python3-pytest-xdist python3-zmq python3-msgpack python3-yaml
  python3-jsonschema
  nats-server etcd-server openssl
)

case ${1-} in
  --help | -h)
    usage
    exit 0
    ;;
  --build) packages=("${to_build[@]}") ;;
  --image) packages+=(debootstrap) ;;
  --checks) packages+=(clang clang-format clang-tidy libclang-rt-14-dev) ;;
  --dynamo-crates) packages+=(clang libssl-dev protobuf-compiler) ;;
  '') ;;
  *) fail "unknown argument \"$1\"; see --help" ;;
esac

command -v dpkg-query >/dev/null && command -v apt-get >/dev/null ||
  fail "this is no Debian; please install: ${packages[*]}"

installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' \
  "${packages[@]}" 2>/dev/null | awk '$2 == "installed" { print $1 }' || true)
missing=()
for package in "${packages[@]}"; do
  grep -qxF "$package" <<<"$installed" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=(env)
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null ||
    fail "neither root nor sudo; please install: ${missing[*]}"
  as_root=(sudo env)
fi

# Debian starts the servers that it installs, now and with the machine. Ours are
# started by tests and demonstrations, on ports of their own.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap '"${as_root[@]}" rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
fi

say "installing ${missing[*]}"
apt=("${as_root[@]}" DEBIAN_FRONTEND=noninteractive
  apt-get -q -o DPkg::Lock::Timeout=120)
"${apt[@]}" update
"${apt[@]}" install -y --no-install-recommends "${missing[@]}"
for package in etcd-server nats-server; do
  [[ " ${missing[*]} " == *" $package "* ]] || continue
  service=${package/etcd-server/etcd}
  if command -v systemctl >/dev/null; then
    "${as_root[@]}" systemctl --quiet disable "$service"
  elif [ -e "/etc/init.d/$service" ]; then
    "${as_root[@]}" update-rc.d "$service" disable
  fi || say "$service may start with the machine; nothing here needs that"
done
