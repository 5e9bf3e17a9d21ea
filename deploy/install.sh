#!/bin/sh
# Installs a package of dynamo-events into an image with a bare Debian, and what
# it needs at run time. deploy/Dockerfile calls it, and scripts/image.sh does.
#
# usage: install.sh PACKAGE
set -eu

# As in deploy/kubernetes; nobody else has that number.
user=10001

[ $# -eq 1 ] && [ -f "$1" ] || {
  echo "install.sh: expected one file, a package of dynamo-events" >&2
  exit 2
}
package=$(readlink -f "$1")

export DEBIAN_FRONTEND=noninteractive
apt-get -q update
# Certificates are for servers of NATS and etcd behind TLS.
apt-get -q install --yes --no-install-recommends ca-certificates "$package"
apt-get -q clean
rm -rf /var/lib/apt/lists/*

useradd --uid "$user" --user-group --no-create-home --home-dir / \
  --shell /usr/sbin/nologin dynamo-events
