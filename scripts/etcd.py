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
import json
import pathlib
import shutil
import signal
import socket
import tempfile
import urllib.error
import urllib.request

from cluster import Failure, wait_for

START_SECONDS = 20
CALL_SECONDS = 5
LOOPBACK = "127.0.0.1"


def free_ports(count):
    """Ports that nobody had a moment ago; etcd wants to be told its own."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def end_of_range(prefix):
    """The first key behind all that begin with it."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)


class EtcdServer:
    """One etcd, which may end and begin again.

    `members`: name -> peer URL of all members of its cluster, itself included.
    """

    def __init__(self, cluster, name="member", members=None, client_port=None,
                 start=True):
        if shutil.which("etcd") is None:
            raise Failure("etcd is not installed; see scripts/setup.sh")
        self.name = name
        self.program = None
        self._cluster = cluster
        self._admin = None
        self._directory = pathlib.Path(
            tempfile.mkdtemp(prefix="etcd-", dir=cluster.directory))
        ports = free_ports(2)
        self.port = client_port or ports[0]
        self._members = members or {name: f"http://{LOOPBACK}:{ports[1]}"}
        if start:
            self.start()

    @property
    def url(self):
        """As it is given to a client."""
        return f"http://{LOOPBACK}:{self.port}"

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
        peer = self._members[self.name]
        self.program = self._cluster.start_command("etcd", [
            "etcd", "--name", self.name,
            "--data-dir", self._directory / "data",
            "--listen-client-urls", self.url,
            "--advertise-client-urls", self.url,
            "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
            "--initial-cluster",
            ",".join(f"{name}={url}" for name, url in self._members.items()),
            "--heartbeat-interval", "50", "--election-timeout", "500",
            "--logger", "zap", "--log-level", "warn"])
        self.program.serves_others = True
        # Asked to end, a member waits for others that may be gone already; and
        # it ends by the signal that it was sent.
        self.program.end_signal = signal.SIGKILL
        self.program.killed = True

    def answers(self):
        if not self.program.running():
            raise Failure(f"etcd ended: {self.log()[-1000:]}")
        try:
            self.call("kv/range", {"key": encoded("a")})
            return True
        except OSError:
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

    def call(self, path, body):
        """One call of the JSON gateway; OSError without an answer."""
        headers = {}
        if self._admin and path.startswith(("kv/", "auth/user/changepw")):
            headers["Authorization"] = self._token()
        asked = urllib.request.Request(f"{self.url}/v3/{path}",
                                       json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(asked, timeout=CALL_SECONDS) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            raise Failure(f"etcd: {path}: {refused.read().decode()}") from None

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
        status = self.call("maintenance/status", {})
        return status["leader"] == status["header"]["member_id"]


class EtcdCluster:
    """Three members that have one store."""

    def __init__(self, cluster, size=3):
        ports = free_ports(size)
        members = {f"member-{i}": f"http://{LOOPBACK}:{port}"
                   for i, port in enumerate(ports)}
        self.members = [EtcdServer(cluster, name, members, start=False)
                        for name in members]
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
