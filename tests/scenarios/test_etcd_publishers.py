"""Publishers that come and go, by ones and by hundreds."""

import time

import pytest

from cluster import wait_for
from etcd import EtcdServer
from etcd_plane import LEASE_SECONDS, TRUE_AGAIN, EtcdPlane, listed, stale
from scenario import SOON, streams, wait_for_worker

RANKS = 250


@pytest.fixture
def plane(scenario):
    return EtcdPlane(scenario, EtcdServer(scenario))


def test_a_worker_that_starts_while_etcd_is_away_waits_and_says_so(plane):
    with plane:
        plane.servers.kill()
        late = plane.scenario.launch_worker()
        wait_for(lambda: plane.servers.url in late.stderr(), SOON,
                 f"{late} to say what it waits for")
        plane.wait_until_stale()
        assert late.events("started") == []
        plane.servers.start()
        wait_for(late.ready, TRUE_AGAIN, f"{late} to be ready")
        wait_for_worker(plane.router, late, discovered=True, connected=True)
        plane.workers.append(late)
        plane.wait_until_true()
        plane.scenario.fill(late)


def test_a_worker_that_ends_is_gone_at_once_a_killed_one_with_its_lease(plane):
    ended, killed = plane.workers
    began = time.monotonic()
    assert ended.terminate() == 0
    plane.router.wait_for_event("worker_left", SOON, worker_id=ended.worker_id)
    print(f"the one that ended was gone after {time.monotonic() - began:.1f} s")
    assert len(plane.records()) == 6
    began = time.monotonic()
    killed.kill()
    # A lease is kept at a third of its time, and etcd looks twice a second.
    plane.router.wait_for_event("worker_left", LEASE_SECONDS + SOON,
                                worker_id=killed.worker_id)
    print(f"the killed one was gone after {time.monotonic() - began:.1f} s")
    assert plane.records() == []
    assert not stale(plane.router)


def test_500_publishers_at_once(scenario):
    server = EtcdServer(scenario)
    scenario.settings |= server.settings()
    router = scenario.router()
    began = time.monotonic()
    # Each rank has a publisher of kv-events with two records; a worker has two
    # publishers more, and two records of its own.
    workers = [scenario.launch_worker({"worker.dp_ranks": RANKS})
               for _ in range(2)]
    expected = len(workers) * (RANKS * 2 + 2 + 2)
    wait_for(lambda: len(server.keys()) == expected, TRUE_AGAIN,
             lambda: f"{expected} records; there are {len(server.keys())}")
    print(f"registered after {time.monotonic() - began:.1f} s")
    for topic, count in (("kv-events", RANKS), ("kv_metrics", 1)):
        wait_for(lambda: found(router, topic) == len(workers) * count,
                 TRUE_AGAIN, lambda: f"{router} to find all of {topic}; it has "
                                     f"{found(router, topic)}")
    print(f"found after {time.monotonic() - began:.1f} s")
    for worker in workers:
        wait_for(worker.ready, SOON, f"{worker} to be ready")
        wait_for_worker(router, worker, discovered=True, connected=True)
    assert len(listed(scenario)) == expected


def found(router, topic):
    """How many publishers a router has found and connected to."""
    return sum(each["discovered"] and each["connection"] == "connected"
               for each in streams(router, topic).values())
