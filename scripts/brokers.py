"""Brokers of ZMQ for a cluster: dynamo-broker on loopback, found in discovery.

    with Cluster(find_programs()) as cluster:
        brokers = Brokers(cluster, 2)
        cluster.settings |= brokers.settings()
        worker = cluster.start("dynamo-worker", config="worker-demo.jsonc")

Standard library only.
"""

from cluster import Failure, wait_for

START_SECONDS = 20
LOOPBACK = "tcp://127.0.0.1:*"


class Brokers:
    """Some brokers of a cluster; more may be started later."""

    def __init__(self, cluster, count, settings=None):
        self.programs = []
        self._cluster = cluster
        self._settings = dict(settings or {})
        for _ in range(count):
            self.start()

    @staticmethod
    def settings():
        """Keys of our configuration with which programs use them."""
        return {"event_plane": "zmq", "zmq.broker.enabled": True}

    def url(self):
        """The same brokers by their addresses, as DYN_ZMQ_BROKER_URL."""
        told = [each.started() for each in self.programs]
        return (f"xsub={';'.join(each['xsub'] for each in told)},"
                f"xpub={';'.join(each['xpub'] for each in told)}")

    def start(self, **binds):
        """One more, registered when this returns."""
        program = self._cluster.start(
            "dynamo-broker", settings={
                "discovery.backend": self._cluster.settings.get(
                    "discovery.backend", "file"),
                "broker.xsub_bind": binds.get("xsub", LOOPBACK),
                "broker.xpub_bind": binds.get("xpub", LOOPBACK)
            } | self._settings)
        # Programs that end say so through it.
        program.serves_others = True
        self.programs.append(program)
        return program


def broker_paths(program):
    """What a worker or a router says of its ways to brokers."""
    return (program.get("/streams")["link"] or {}).get("brokers", [])


def wait_for_brokers(program, count):
    """Until so many brokers are connected at both sides, and no others."""
    def connected():
        paths = broker_paths(program)
        return len(paths) == 2 * count and all(each["connected"]
                                               for each in paths)
    try:
        wait_for(connected, START_SECONDS, f"{program} at {count} brokers")
    except Failure as reason:
        raise Failure(f"{reason}: {broker_paths(program)}") from reason
