"""Real nats-servers for a cluster, Debian's package nats-server.

    with Cluster(find_programs()) as cluster:
        server = NatsServer(cluster)
        cluster.settings |= server.settings()
        worker = cluster.start("dynamo-worker", config="worker-demo.jsonc")

A server listens on a port of loopback that the system chose and keeps it, also
when it is started again. It is ended with its cluster, after the programs.

Standard library only.
"""

import contextlib
import json
import pathlib
import shutil
import signal
import socket
import tempfile

from cluster import END_SECONDS, Failure, wait_for

START_SECONDS = 10
LOOPBACK = "127.0.0.1"
# The least that nats-server takes for the time in which clients are closed one
# after the other; they have the grace period to leave of their own accord.
LAME_DUCK_SECONDS = 30
LAME_DUCK_GRACE_SECONDS = 10


class NatsServer:
    """One nats-server, which may end and begin again on the same port.

    `options` are members of its configuration file, as "max_payload". With
    `cluster_name` it takes routes, and makes one to each server in `routes`.
    """

    def __init__(self, cluster, options=None, cluster_name=None, routes=()):
        if shutil.which("nats-server") is None:
            raise Failure("nats-server is not installed; see scripts/setup.sh")
        self.options = dict(options or {})
        self.program = None
        self.port = None
        self._cluster = cluster
        self._cluster_name = cluster_name
        self._cluster_port = None
        self._routes = [each.route for each in routes]
        self._directory = pathlib.Path(
            tempfile.mkdtemp(prefix="nats-", dir=cluster.directory))
        self._configuration = self._directory / "nats-server.conf"
        self.start()

    @property
    def address(self):
        return f"{LOOPBACK}:{self.port}"

    @property
    def url(self):
        """As it is given to a client."""
        return f"{'tls' if 'tls' in self.options else 'nats'}://{self.address}"

    @property
    def route(self):
        """As it is given to another server of the same cluster."""
        return f"nats-route://{LOOPBACK}:{self._cluster_port}"

    def settings(self, *others):
        """Keys of our configuration that choose it, and after it `others`."""
        return {"event_plane": "nats",
                "nats.servers": ",".join(each.url for each in (self, *others))}

    # -- its life -------------------------------------------------------------

    def start(self):
        """Returns when it accepts connections."""
        self._write_configuration()
        self.program = self._cluster.start_command("nats-server", [
            "nats-server", "--config", self._configuration,
            "--ports_file_dir", self._directory])
        # Asked by SIGTERM it ends with 1.
        self.program.end_signal = signal.SIGINT
        self.program.serves_others = True
        if self.port is None:
            self._take_ports(wait_for(self._told_ports, START_SECONDS,
                                      "the ports of nats-server"))
        wait_for(self._greets, START_SECONDS, f"a greeting of {self.url}")

    def stop(self):
        """In order: clients are told."""
        self.program.terminate()

    def kill(self):
        self.program.kill()

    def freeze(self):
        """It keeps its connections, but neither reads nor writes."""
        self.program.signal(signal.SIGSTOP)

    def thaw(self):
        self.program.signal(signal.SIGCONT)

    def lame_duck(self):
        """Clients are told to leave; it closes them only after the grace."""
        told = self._log_count("lame duck mode")
        self.program.signal(signal.SIGUSR2)
        wait_for(lambda: self._log_count("lame duck mode") > told, END_SECONDS,
                 f"{self.url} to be a lame duck")

    def reload(self, **options):
        """Changes members of its configuration while it runs."""
        self.options |= options
        self._write_configuration()
        reloaded = self._log_count("Reloaded server configuration")
        self.program.signal(signal.SIGHUP)
        wait_for(lambda: self._log_count("Reloaded server configuration") >
                 reloaded, END_SECONDS, f"{self.url} to reload")

    def log(self):
        return self.program.stderr()

    # -- how it is told, and tells --------------------------------------------

    def _write_configuration(self):
        # A port that is not known yet is the system's choice: -1.
        configuration = self.options | {
            "listen": f"{LOOPBACK}:{self.port or -1}",
            "lame_duck_duration": f"{LAME_DUCK_SECONDS}s",
            "lame_duck_grace_period": f"{LAME_DUCK_GRACE_SECONDS}s"}
        if self._cluster_name is not None:
            configuration["cluster"] = {
                "name": self._cluster_name, "routes": self._routes,
                "listen": f"{LOOPBACK}:{self._cluster_port or -1}"}
        self._configuration.write_text(json.dumps(configuration, indent=2))

    def _told_ports(self):
        if not self.program.running():
            raise Failure(f"nats-server did not start: {self.log()}")
        for path in self._directory.glob("*.ports"):
            # It may not be written to its end yet.
            with contextlib.suppress(ValueError):
                return json.loads(path.read_text())
        return None

    def _take_ports(self, told):
        def port_of(kind):
            return int(told[kind][0].rsplit(":", 1)[1])
        self.port = port_of("nats")
        if self._cluster_name is not None:
            self._cluster_port = port_of("cluster")

    def _greets(self):
        if not self.program.running():
            raise Failure(f"nats-server did not start: {self.log()}")
        with contextlib.suppress(OSError):
            with socket.create_connection((LOOPBACK, self.port), 1) as one:
                # With TLS, too, it speaks first and in the clear.
                return one.recv(4) == b"INFO"
        return False

    def _log_count(self, text):
        return self.log().count(text)


def nats_cluster(cluster, count, options=None):
    """Servers that know each other; every one has a route to every other."""
    servers = []
    for _ in range(count):
        servers.append(NatsServer(cluster, options, "servers", servers))
    for server in servers:
        # Two servers may make their route to each other twice, and drop one.
        wait_for(lambda each=server: each.log().count("Route connection") >=
                 count - 1, START_SECONDS, f"the routes of {server.url}")
    return servers
