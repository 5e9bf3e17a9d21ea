"""One etcd that dies, stands still, forgets, or is meddled with."""

import os
import signal

import pytest

from cluster import wait_for
from etcd import EtcdServer
from etcd_plane import (LEASE_SECONDS, TRUE_AGAIN, EtcdPlane, keys_of, stale,
                        wait_until_stale)
from scenario import SOON, expect_equal, let_pass, wait_for_worker

# Longer than a lease lives. With DYNAMO_TEST_LONG=1 it is a minute.
STANDSTILL = 60 if os.environ.get("DYNAMO_TEST_LONG") == "1" else 6


@pytest.fixture
def plane(scenario):
    return EtcdPlane(scenario, EtcdServer(scenario))


def test_a_server_that_is_killed_and_started_again(plane):
    with plane:
        plane.servers.kill()
        wait_until_stale(plane.router)
        for worker in plane.workers:
            wait_for_worker(plane.router, worker, discovered=True,
                            connected=True)
        plane.traffic.wait_for_more()
        plane.servers.start()
        plane.wait_until_true()


def test_a_server_that_comes_back_without_its_data(plane):
    with plane:
        plane.servers.kill()
        plane.servers.forget()
        plane.servers.start()
        plane.wait_until_true()


def test_a_server_that_stands_still_for_longer_than_a_lease_lives(plane):
    with plane:
        plane.servers.freeze()
        wait_until_stale(plane.router)
        plane.traffic.wait_for_more()
        let_pass(STANDSTILL)
        plane.servers.thaw()
        plane.wait_until_true()


def test_a_lease_that_is_revoked_by_hand(plane):
    with plane:
        leases = {each["lease"] for each in plane.servers.range().values()}
        assert len(leases) == 2, leases
        for lease in leases:
            plane.servers.revoke(lease)
        plane.wait_until_true(left=True)


def test_records_that_are_deleted_by_hand(plane):
    with plane:
        before = plane.records()
        for key in before:
            plane.servers.delete(key)
        plane.wait_until_true(left=True)
        assert plane.records() == before


def test_a_compaction_while_the_router_stands_still(plane):
    with plane:
        plane.router.signal(signal.SIGSTOP)
        late = plane.scenario.launch_worker()
        wait_for(lambda: len(plane.records()) == 18, SOON,
                 "the records of a worker that came meanwhile")
        plane.servers.compact()
        plane.router.signal(signal.SIGCONT)
        wait_for_worker(plane.router, late, discovered=True, connected=True,
                        seconds=TRUE_AGAIN)
        plane.workers.append(late)
        plane.traffic.workers = plane.workers
        plane.traffic.wait_for_more()
        plane.wait_until_true()


def test_a_worker_that_starts_while_etcd_is_away_waits_and_says_so(plane):
    with plane:
        plane.servers.kill()
        late = plane.scenario.launch_worker()
        wait_for(lambda: plane.servers.url in late.stderr(), SOON,
                 f"{late} to say what it waits for")
        plane.traffic.wait_for_more()
        assert late.events("started") == []
        plane.servers.start()
        wait_for(late.ready, TRUE_AGAIN, f"{late} to be ready")
        wait_for_worker(plane.router, late, discovered=True, connected=True)
        plane.scenario.fill(late)
        expect_equal(plane.router, late)
        late.terminate()
        plane.wait_until_true(left=True)


def test_a_worker_that_ends_is_gone_at_once_a_killed_one_with_its_lease(plane):
    ended, killed = plane.workers
    assert ended.terminate() == 0
    plane.router.wait_for_event("worker_left", SOON, worker_id=ended.worker_id)
    assert len(plane.records()) == 6
    killed.kill()
    plane.router.wait_for_event("worker_left", LEASE_SECONDS + TRUE_AGAIN,
                                worker_id=killed.worker_id)
    assert plane.records() == []
    assert not stale(plane.router)


def test_500_publishers_at_once(scenario):
    server = EtcdServer(scenario)
    scenario.settings |= server.settings()
    router = scenario.router()
    # Each rank has a publisher of kv-events with two records; a worker has two
    # publishers more, and two records of its own.
    workers = [scenario.launch_worker({"worker.dp_ranks": 250})
               for _ in range(2)]
    expected = len(workers) * (250 * 2 + 2 + 2)
    wait_for(lambda: len(keys_of(server)) == expected, TRUE_AGAIN,
             lambda: f"{expected} records; there are {len(keys_of(server))}")
    for worker in workers:
        wait_for(worker.ready, SOON, f"{worker} to be ready")
        wait_for_worker(router, worker, discovered=True, connected=True,
                        seconds=TRUE_AGAIN)


def test_a_password_that_is_changed_and_put_right(scenario):
    server = EtcdServer(scenario)
    server.require_password("root", "first")
    user = {"ETCD_AUTH_USERNAME": "root"}
    scenario.settings |= server.settings()
    wrong = scenario.launch_worker(
        environment=user | {"ETCD_AUTH_PASSWORD": "guess"})
    assert wrong.wait(SOON) == 2
    assert "authentication failed" in wrong.stderr(), wrong.stderr()

    right = user | {"ETCD_AUTH_PASSWORD": "first"}
    router = scenario.router(environment=right)
    worker = scenario.worker(environment=right)
    wait_for_worker(router, worker, discovered=True, connected=True)
    server.change_password("root", "second")
    server.kill()
    server.start()
    wait_until_stale(router)
    wait_for(lambda: "authentication failed" in router.stderr(), SOON,
             f"{router} to say that it is refused")
    scenario.fill(worker)
    expect_equal(router, worker)
    server.change_password("root", "first")
    wait_for(lambda: not stale(router), TRUE_AGAIN, "the password to be right")
    wait_for_worker(router, worker, discovered=True, connected=True)
