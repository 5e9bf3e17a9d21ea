"""A real etcd for a cluster, Debian's package etcd-server.

    with Cluster(find_programs()) as cluster:
        server = EtcdServer(cluster)
        cluster.settings |= server.settings()
        worker = cluster.start("dynamo-worker", config="worker-demo.jsonc")

It listens on ports of loopback that were free, and keeps them when it is started
again, with what it had stored. It is ended with its cluster, after the programs.
What a test does behind everybody's back goes through its JSON gateway.

Standard library only.
"""

import base64
import contextlib
import json
import pathlib
import random
import shutil
import signal
import socket
import ssl
import tempfile
import urllib.error
import urllib.request

from cluster import Failure, wait_for

START_SECONDS = 20
# A member that is cut off does not answer.
# For a call that changes something, and for a look at who answers.
CALL_SECONDS = 20
LOOK_SECONDS = 2
LOOPBACK = "127.0.0.1"


def free_ports(count):
    """Ports that nobody has; etcd wants to be told its own. They are below those
    that the system hands out, so that nobody gets one while its etcd is away."""
    handed_out = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range")
    lowest = int(handed_out.read_text().split()[0])
    found = []
    while len(found) < count:
        port = random.randrange(min(10_000, lowest // 2), lowest)
        with contextlib.suppress(OSError), socket.socket() as one:
            one.bind((LOOPBACK, port))
            found.append(port)
    return found


def loopback(port, scheme="http"):
    return f"{scheme}://{LOOPBACK}:{port}"


def end_of_range(prefix):
    """The first key behind all that begin with it."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)


class EtcdServer:
    """One etcd, which may end and begin again.

    `members`: name -> peer URL of all members of its cluster, itself included;
    that may be another than the one it listens on, at `peer_port`. With `tls`,
    (authority, certificate, key), clients need certificates of this authority.
    """

    def __init__(self, cluster, name="member", members=None, peer_port=None,
                 start=True, tls=None):
        if shutil.which("etcd") is None:
            raise Failure("etcd is not installed; see scripts/setup.sh")
        self.name = name
        self.program = None
        self._cluster = cluster
        self._admin = None
        self._directory = pathlib.Path(
            tempfile.mkdtemp(prefix="etcd-", dir=cluster.directory))
        self.port, spare = free_ports(2)
        self._peer_url = loopback(peer_port or spare)
        self._members = members or {name: self._peer_url}
        self._tls = tls
        if start:
            self.start()

    @property
    def url(self):
        """As it is given to a client."""
        return loopback(self.port, "https" if self._tls else "http")

    def settings(self, *others):
        """Keys of our configuration that choose it, and after it `others`."""
        return {"discovery.backend": "etcd",
                "discovery.etcd.endpoints":
                    ",".join(each.url for each in (self, *others))}

    # -- its life -------------------------------------------------------------

    def start(self):
        """Returns when it answers."""
        self.launch()
        wait_for(self.answers, START_SECONDS,
                 lambda: f"{self.url} to answer; it says {self.log()[-500:]}")

    def launch(self):
        secure = []
        if self._tls:
            authority, certificate, key = self._tls
            secure = ["--client-cert-auth", "--trusted-ca-file", authority,
                      "--cert-file", certificate, "--key-file", key]
        self.program = self._cluster.start_command("etcd", [
            "etcd", "--name", self.name,
            # Nobody cuts the power.
            "--data-dir", self._directory / "data", "--unsafe-no-fsync",
            "--listen-client-urls", self.url,
            "--advertise-client-urls", self.url,
            "--listen-peer-urls", self._peer_url,
            "--initial-advertise-peer-urls", self._members[self.name],
            "--initial-cluster",
            ",".join(f"{name}={url}" for name, url in self._members.items()),
            "--logger", "zap", "--log-level", "warn", *secure])
        self.program.serves_others = True
        # Asked to end, a member waits for others that may be gone already; and
        # it ends by the signal that it was sent.
        self.program.end_signal = signal.SIGKILL
        self.program.killed = True

    def answers(self):
        if not self.program.running():
            raise Failure(f"etcd ended: {self.log()[-1000:]}")
        try:
            self.call("kv/range", {"key": encoded("a")}, LOOK_SECONDS)
            return True
        except (OSError, Failure):
            return False

    def kill(self):
        self.program.kill()

    def freeze(self):
        """It keeps its connections, but neither reads nor writes."""
        self.program.signal(signal.SIGSTOP)

    def thaw(self):
        self.program.signal(signal.SIGCONT)

    def forget(self):
        """What it had stored is gone when it starts the next time."""
        shutil.rmtree(self._directory / "data")

    def log(self):
        return self.program.stderr()

    # -- behind everybody's back ----------------------------------------------

    def call(self, path, body, seconds=CALL_SECONDS):
        """One call of the JSON gateway; OSError without an answer."""
        headers = {}
        if self._admin and path.startswith(("kv/", "auth/user/changepw")):
            headers["Authorization"] = self._token()
        asked = urllib.request.Request(f"{self.url}/v3/{path}",
                                       json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(asked, timeout=seconds,
                                        context=self._trust()) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            raise Failure(f"etcd: {path}: {refused.read().decode()}") from None

    def _trust(self):
        if not self._tls:
            return None
        authority, certificate, key = self._tls
        trust = ssl.create_default_context(cafile=authority)
        trust.load_cert_chain(certificate, key)
        return trust

    def range(self, prefix="v1/"):
        """What is stored below a prefix: key -> what etcd says of it."""
        found = self.call("kv/range", {
            "key": encoded(prefix), "range_end": encoded(end_of_range(prefix))})
        return {base64.b64decode(each["key"]).decode(): each
                for each in found.get("kvs", [])}

    def keys(self, prefix="v1/"):
        return sorted(self.range(prefix))

    def put(self, key, value):
        self.call("kv/put", {"key": encoded(key), "value": encoded(value)})

    def delete(self, key):
        self.call("kv/deleterange", {"key": encoded(key)})

    def revoke(self, lease):
        self.call("lease/revoke", {"ID": lease})

    def revision(self):
        return int(self.call("kv/range", {"key": encoded("a")})
                   ["header"]["revision"])

    def compact(self):
        """What is known of the past is gone; the present stays."""
        self.call("kv/compaction", {"revision": self.revision()})

    # -- passwords ------------------------------------------------------------

    def require_password(self, user, password):
        """From now on; the user may do everything, as "root" has to."""
        self._admin = user, password
        self.call("auth/user/add", {"name": user, "password": password})
        self.call("auth/role/add", {"name": "root"})
        self.call("auth/user/grant", {"user": user, "role": "root"})
        self.call("auth/enable", {})

    def change_password(self, user, password):
        self.call("auth/user/changepw", {"name": user, "password": password})
        if self._admin and self._admin[0] == user:
            self._admin = user, password

    def _token(self):
        name, password = self._admin
        return self.call("auth/authenticate",
                         {"name": name, "password": password})["token"]

    def is_leader(self):
        status = self.call("maintenance/status", {}, LOOK_SECONDS)
        return status["leader"] == status["header"]["member_id"]


class EtcdCluster:
    """Three members that have one store.

    `way_to`: port -> the port through which others reach it.
    """

    def __init__(self, cluster, size=3, way_to=lambda port: port):
        ports = free_ports(size)
        members = {f"member-{i}": loopback(way_to(port))
                   for i, port in enumerate(ports)}
        self.members = [EtcdServer(cluster, name, members, port, start=False)
                        for name, port in zip(members, ports)]
        for each in self.members:
            each.launch()
        for each in self.members:
            wait_for(each.answers, START_SECONDS, f"{each.url} to answer")

    def settings(self):
        return self.members[0].settings(*self.members[1:])

    def leader(self):
        """Of those that run."""
        def found():
            for each in self.members:
                try:
                    if each.program.running() and each.is_leader():
                        return each
                except OSError:
                    continue
            return None
        return wait_for(found, START_SECONDS, "a leader of etcd")


def encoded(text):
    return base64.b64encode(text.encode()).decode()
