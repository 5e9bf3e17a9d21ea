"""A cluster that meets on etcd, and what has to hold after it failed."""

from cluster import Failure, wait_for
from scenario import (SOON, Traffic, expect_equal, expect_whole,
                      wait_for_worker)

# Short times, so that what takes a while takes seconds.
LEASE_SECONDS = 3
TIMES = {"discovery.etcd.compare_ms": 1000,
         # More than the longest delay between two attempts, 5 s.
         "discovery.etcd.grace_ms": 7000,
         "discovery.etcd.request_timeout_ms": 1000,
         "discovery.etcd.connect_timeout_ms": 500}
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

    def __init__(self, scenario, servers, lease_seconds=LEASE_SECONDS):
        self.scenario = scenario
        self.servers = servers
        scenario.settings |= servers.settings() | TIMES | {
            "discovery.etcd.lease_ttl_ms": lease_seconds * 1000}
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

    def records(self):
        """The keys of all records."""
        return keys_of(self.servers)

    def wait_until_true(self, left=False):
        """Discovery knows both workers, of which each has all its records, and
        whoever comes and goes from now on is seen. `left`: a worker may have
        been taken for one that left, for its records were gone."""
        try:
            wait_for(lambda: len(self.records()) == 6 * len(self.workers),
                     TRUE_AGAIN, "every record to be there")
        except Failure as reason:
            raise Failure(f"{reason}: {self.records()}") from None
        wait_for(lambda: not stale(self.router), TRUE_AGAIN,
                 f"{self.router} to see etcd again")
        for worker in self.workers:
            wait_for_worker(self.router, worker, discovered=True,
                            connected=True, seconds=TRUE_AGAIN)
        gone = {each["worker_id"] for each in self.router.events("worker_left")}
        assert left or not gone & {each.worker_id for each in self.workers}
        late = self.scenario.worker()
        wait_for_worker(self.router, late, discovered=True, connected=True)
        late.terminate()
        self.router.wait_for_event("worker_left", SOON,
                                   worker_id=late.worker_id)


def keys_of(servers):
    """What the first server that answers has stored."""
    for server in getattr(servers, "members", [servers]):
        try:
            return server.keys()
        except (OSError, Failure):
            continue
    return []


def stale(router):
    """Whether the router says that it cannot see the store."""
    return router.get("/readyz")["discovery_stale"]


def wait_until_stale(router, seconds=SOON):
    wait_for(lambda: stale(router), seconds, f"{router} to miss etcd")
