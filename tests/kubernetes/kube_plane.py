"""A cluster that meets at an API server, and what has to hold after trouble."""

import time

from cluster import wait_for
from etcd_plane import discovered, listed, stale
from scenario import (Traffic, expect_equal, expect_whole, known_worker,
                      wait_for_worker)

# Until something is seen, on a machine that compiles beside it.
SOON = 60
# Until discovery tells the truth again: the longest delay between attempts,
# and what an API server needs before it lets anybody in.
TRUE_AGAIN = 60
# Records of a worker: two of its publisher of kv-events, one of kv_metrics, one
# of forward passes, its endpoint and its model.
RECORDS = 6


class KubePlane:
    """A router and two workers in full traffic, each in a pod of its own.

        with KubePlane(scenario, server) as plane:
            server.kill()
            ...
        # Nothing was lost, no connection was torn down.
    """

    def __init__(self, scenario, server):
        self.scenario = scenario
        self.server = server
        self.pods = {}
        self.router = self.launch("router", scenario.router)
        self.workers = [self.worker(), self.worker()]
        self.traffic = Traffic(scenario, *self.workers)

    def launch(self, name, start, **settings):
        """A program in a new pod that is ready."""
        pod = self.server.pod(f"{name}-{len(self.pods)}")
        program = start(environment=pod.environment(), **settings)
        self.pods[program] = pod
        return program

    def worker(self):
        worker = self.launch("worker", self.scenario.worker)
        wait_for_worker(self.router, worker, discovered=True, connected=True)
        return worker

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

    def records_of(self, program):
        """What a program has stored: (map, key)."""
        name = self.pods[program].name
        return [(of, key) for owner, of, key in self.server.records()
                if owner == name]

    def wait_for_records(self, program, count=RECORDS, seconds=TRUE_AGAIN):
        wait_for(lambda: len(self.records_of(program)) == count, seconds,
                 lambda: f"{count} records of {program}; there is "
                         f"{self.records_of(program)}")

    def wait_until_stale(self, seconds=TRUE_AGAIN):
        """The router cannot see the API server, and that is all."""
        wait_for(lambda: stale(self.router), seconds,
                 f"{self.router} to miss the API server")
        for worker in self.workers:
            known = known_worker(self.router, worker)
            assert known["discovered"] and known["connected"], known
        self.traffic.wait_for_more()

    def wait_until_true(self):
        """Discovery knows both workers, and whoever comes and goes is seen."""
        began = time.monotonic()
        wait_for(lambda: not stale(self.router), TRUE_AGAIN,
                 f"{self.router} to see the API server again")
        for worker in self.workers:
            self.wait_for_records(worker)
        alive = {worker.worker_id for worker in self.workers}
        wait_for(lambda: discovered(self.router) == alive, TRUE_AGAIN,
                 lambda: f"{self.router} to know {alive}; it knows "
                         f"{discovered(self.router)}")
        print(f"true again after {time.monotonic() - began:.1f} s")
        gone = {each["worker_id"] for each in self.router.events("worker_left")}
        assert not gone & alive
        assert len(self.listed()) == RECORDS * len(self.workers)
        late = self.worker()
        assert late.terminate() == 0
        self.router.wait_for_event("worker_left", SOON,
                                   worker_id=late.worker_id)

    def listed(self):
        """All records, as dynamo-events tells of them."""
        return listed(self.scenario,
                      environment=self.pods[self.router].environment())
