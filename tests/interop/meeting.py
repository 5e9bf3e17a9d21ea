"""A cluster on one event plane and one store, open to programs of both kinds."""

import json

from cluster import wait_for
from comparison import index_by_rank
from scenario import SOON, Scenario, streams

# A record of a dead process lives as long: a file 10 s and somebody's sweep, a
# key of etcd the lease that the tests choose.
LEASE_SECONDS = 5
EXPIRY = 25


class Meeting(Scenario):
    """Scenario's words, and those for what Dynamo is asked as well."""

    def __init__(self, programs, plane, store):
        super().__init__(programs, plane)
        self.plane = plane
        self.store = store
        self.nats_url = None
        self.dynamo = None

    def __enter__(self):
        super().__enter__()
        if self.store == "etcd":
            from etcd import EtcdServer
            self.etcd = EtcdServer(self)
            self.settings |= self.etcd.settings()
            self.settings["discovery.etcd.lease_ttl_ms"] = LEASE_SECONDS * 1000
        return self

    def nats_server(self, options=None):
        server = super().nats_server(options)
        self.nats_url = server.url
        self.nats = server
        return server

    def servers(self):
        """The servers that both kinds of programs need here."""
        found = [self.nats] if self.plane == "nats" else []
        return found + ([self.etcd] if self.store == "etcd" else [])

    @property
    def store_name(self):
        """As dynamo_process.py takes it."""
        if self.store == "etcd":
            return f"etcd:{self.etcd.url}"
        return f"file:{self.discovery}"

    def our_router(self, **settings):
        # Dynamo forgets a worker's blocks with its records; ours keeps them
        # for a while, so that it can come back.
        return self.router({"router.index.compatibility": "dynamo",
                            "router.departed_ttl_ms": 200} | settings)

    def our_worker(self, **settings):
        return self.worker(settings)

    def our_broker(self):
        return self.start("dynamo-broker",
                          settings={"broker.xsub_bind": "tcp://127.0.0.1:*",
                                    "broker.xpub_bind": "tcp://127.0.0.1:*"} |
                          ({} if self.store == "etcd" else
                           {"discovery.backend": "file"}))

    def wait_until_connected(self, listener, publishers, topic="kv-events"):
        """What a Dynamo publisher says on ZMQ before somebody has connected to
        it is lost; a server of NATS is always there."""
        if self.plane == "nats":
            return
        wait_for(lambda: connections(listener, topic) >= publishers, SOON,
                 lambda: f"{listener} to connect to {publishers}")


def connections(listener, topic):
    """How many publishers our router or dynamo-events has connected to."""
    if listener.name.startswith("dynamo-events"):
        return len(listener.events("connection", state="connected",
                                   topic=topic))
    return sum(stream["connection"] == "connected"
               for stream in streams(listener, topic).values())


# -- what our router knows -----------------------------------------------------


def names_held(router, worker_id, rank=0, tier="device"):
    """What it believes that a rank holds, in order of the chain."""
    known = index_by_rank(router).get((worker_id, rank), {})
    return [row[0] for row in known.get(tier, [])]


def wait_until_held(router, worker_id, names, rank=0, tier="device",
                    seconds=SOON):
    wait_for(lambda: sorted(names_held(router, worker_id, rank, tier)) ==
             sorted(names), seconds,
             lambda: f"{worker_id}/{rank} to hold {names} in {tier}; it is "
                     f"{index_by_rank(router).get((worker_id, rank))}")


def our_overlap(router, local):
    """{(worker, rank): (device, host, disk)} of a prompt."""
    scores = router.post("/overlap", {"block_hashes": local})["scores"]
    return {(each["worker_id"], each["dp_rank"]):
            (each["device"], each["host"], each["disk"]) for each in scores}


# -- what Dynamo's router knows ------------------------------------------------


def their_overlap(router, tokens):
    rows = router.order("overlap", tokens=tokens)["workers"]
    found = {(row["worker_id"], row["dp_rank"]):
             (row["device_blocks"], row["host_pinned_blocks"],
              row["disk_blocks"]) for row in rows}
    return {rank: depths for rank, depths in found.items() if any(depths)}


def their_names(router, worker_id, rank=0):
    """What Dynamo's router believes that a rank holds on its device."""
    return sorted(row[3] for row in router.order("held")["blocks"]
                  if row[:2] == [worker_id, rank] and
                  row[2].lower() == "device")


def our_names(worker, rank=0):
    """What a worker of ours holds."""
    ranks = worker.get("/cache")["ranks"]
    return sorted(row[0] for each in ranks if each["dp_rank"] == rank
                  for row in each["blocks"])


def wait_for_followers(worker, count):
    """So many subscribe to all that our worker says of its caches: over direct
    ZMQ who comes later misses what the first one already got. Nobody knows over
    NATS."""
    def followers():
        return [each["subscribers"]
                for each in worker.get("/streams")["publishers"]
                if each["topic"] == "kv-events"]
    wait_for(lambda: followers() and
             all(number in (count, None) for number in followers()),
             SOON, lambda: f"{worker} to have {count} followers; each of its "
                           f"publishers has {followers()}")


def wait_until_followed(router, worker, ranks=(0,), seconds=SOON):
    """Dynamo's router knows exactly what our worker holds."""
    def differing():
        return [rank for rank in ranks
                if their_names(router, worker.worker_id, rank) !=
                our_names(worker, rank)]
    wait_for(lambda: not differing(), seconds,
             lambda: f"Dynamo to know what {worker} holds; it has "
                     f"{router.order('held')['blocks'][:20]} of "
                     f"{[len(our_names(worker, rank)) for rank in ranks]}")


def received(tail, topic):
    """The values of a topic that dynamo-events has told of."""
    return [line["value"] for line in tail.events("received", topic=topic)]


def wait_until_received(tail, topic, count, condition=lambda value: True,
                        seconds=SOON):
    """So many values of which `condition` holds, or more."""
    def found():
        return [value for value in received(tail, topic) if condition(value)]
    wait_for(lambda: len(found()) >= count, seconds,
             lambda: f"{count} values of {topic}; there are "
                     f"{json.dumps(tail.lines[-3:])[:800]}")
    return found()
