"""A cluster that meets on etcd, and what has to hold after it failed."""

import time

from cluster import Failure, wait_for
from network import connections_of
from scenario import (HERE, SOON, Traffic, expect_equal, expect_whole,
                      known_worker, let_pass, wait_for_worker)

# Short times, so that what takes a while takes seconds.
LEASE_SECONDS = 3
TIMES = {"discovery.etcd.lease_ttl_ms": LEASE_SECONDS * 1000,
         "discovery.etcd.compare_ms": 1000,
         # More than the longest delay between two attempts, 5 s.
         "discovery.etcd.grace_ms": 7000,
         "discovery.etcd.request_timeout_ms": 1000,
         "discovery.etcd.connect_timeout_ms": 500}
# As dynamo-events calls them, in the order of their keys.
BUCKETS = ("event_channels", "event_sources", "instances", "models")
# Until discovery tells the truth again after any failure: a lease's time, a
# comparison, the grace and the longest delay between attempts are below it.
TRUE_AGAIN = 20


class EtcdPlane:
    """A router and two workers in full traffic, with or without trouble.

        with EtcdPlane(scenario, server) as plane:
            server.kill()
            ...
        # Nothing was lost, no connection was torn down.
    """

    def __init__(self, scenario, servers, settings=None):
        self.scenario = scenario
        self.servers = servers
        self._asked = list(getattr(servers, "members", [servers]))
        scenario.settings |= servers.settings() | TIMES | (settings or {})
        self.router = scenario.router()
        self.workers = [scenario.worker(), scenario.worker()]
        for worker in self.workers:
            wait_for_worker(self.router, worker, discovered=True,
                            connected=True)
        self.traffic = Traffic(scenario, *self.workers)

    def __enter__(self):
        self.traffic.__enter__()
        self.traffic.wait_for_more()
        return self

    def __exit__(self, kind, *trace):
        if kind is None:
            self.traffic.wait_for_more()
        self.traffic.__exit__(kind, *trace)
        if kind is None:
            expect_equal(self.router, *self.workers)
            for worker in self.workers:
                assert expect_whole(self.router, worker)["reconnects"] == 0
                wait_for_worker(self.router, worker, state="in_sync")
                for stream in worker.get("/streams")["publishers"]:
                    lost = self.router.events(
                        "connection_lost", publisher_id=stream["publisher_id"])
                    assert lost == []

    def records(self):
        """The keys of all records, as the first member says that can."""
        for member in list(self._asked):
            try:
                return member.keys()
            except (OSError, Failure):
                self._ask_last(member)
        return []

    def _ask_last(self, member):
        self._asked.remove(member)
        self._asked.append(member)

    def wait_until_stale(self, seconds=SOON):
        """Etcd is out of the router's sight, and that is all: everybody whom it
        knew is there, and connected, and heard."""
        wait_for(lambda: stale(self.router), seconds,
                 f"{self.router} to miss etcd")
        for worker in self.workers:
            known = known_worker(self.router, worker)
            assert known["discovered"] and known["connected"], known
        self.traffic.wait_for_more()

    def member_of(self, program):
        """The member that a program is connected to."""
        return wait_for(lambda: next((
            member for member in self._asked
            if member.port in connected_to(program)), None),
            SOON, f"{program} to be connected to etcd")

    def wait_until_left(self, member):
        """Nobody is connected to this member any more."""
        began = time.monotonic()
        self._ask_last(member)

        def left():
            # Not all the time: it takes a while.
            let_pass(0.2)
            return member.port not in connected_to(self.router, *self.workers)
        wait_for(left, TRUE_AGAIN, f"everybody to leave {member.url}")
        print(f"left after {time.monotonic() - began:.1f} s")

    def wait_until_true(self, left=False):
        """Discovery knows both workers, of which each has all its records, and
        whoever comes and goes from now on is seen. `left`: a worker may have
        been taken for one that left, for its records were gone."""
        began = time.monotonic()
        wait_for(lambda: len(self.records()) == 6 * len(self.workers),
                 TRUE_AGAIN, lambda: f"every record; there is {self.records()}")
        wait_for(lambda: not stale(self.router), TRUE_AGAIN,
                 f"{self.router} to see etcd again")
        alive = {worker.worker_id for worker in self.workers}
        wait_for(lambda: discovered(self.router) == alive, TRUE_AGAIN,
                 lambda: f"{self.router} to know {alive}; it knows "
                         f"{discovered(self.router)}")
        # Shown by pytest -rP.
        print(f"true again after {time.monotonic() - began:.1f} s")
        assert listed(self.scenario) == [
            key.split("/", 2)[2] for key in self.records()]
        gone = {each["worker_id"] for each in self.router.events("worker_left")}
        assert left or not gone & alive
        late = self.scenario.worker()
        wait_for_worker(self.router, late, discovered=True, connected=True)
        late.terminate()
        self.router.wait_for_event("worker_left", SOON,
                                   worker_id=late.worker_id)


def connected_to(*programs):
    """The ports that programs are connected to."""
    return {far for _, far in connections_of(*(each.pid for each in programs))}


def discovered(router):
    """The ids of the workers that a router believes to be there."""
    return {each["worker_id"] for each in router.get("/workers")["workers"]
            if each["discovered"]}


def listed(scenario, environment=None):
    """The keys of all records, as dynamo-events tells of them."""
    program = scenario.start("dynamo-events", "list", "--bucket", "all",
                             config=HERE / "router.jsonc", http=False,
                             wait=False, environment=environment)
    assert program.wait(SOON) == 0, program.stderr()
    # In the order of their buckets, as etcd would.
    found = {bucket: [] for bucket in BUCKETS}
    for each in program.events("record"):
        found[each["bucket"]].append(each["key"])
    return [key for keys in found.values() for key in sorted(keys)]


def stale(router):
    """Whether the router says that it cannot see the store."""
    return router.get("/readyz")["discovery_stale"]
