"""One etcd that dies, stands still, forgets, or is meddled with."""

import concurrent.futures
import os
import signal

import pytest

from cluster import wait_for
from etcd import EtcdServer, loopback
from etcd_plane import EtcdPlane
from network import Network
from scenario import SOON, known_worker, let_pass, wait_for_worker

# Longer than a lease lives. With DYNAMO_TEST_LONG=1 it is a minute.
STANDSTILL = 60 if os.environ.get("DYNAMO_TEST_LONG") == "1" else 6
# A key of a bucket that everybody watches; its value is no record.
JUNK = "v1/event_channels/junk"


@pytest.fixture
def plane(scenario):
    return EtcdPlane(scenario, EtcdServer(scenario))


def test_a_server_that_is_killed_and_started_again(plane):
    with plane:
        plane.servers.kill()
        plane.wait_until_stale()
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
        plane.wait_until_stale()
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
        # More than what is on its way to the router can hold.
        with concurrent.futures.ThreadPoolExecutor(8) as many:
            for size, times in ((1_000_000, 24), (1, 1200)):
                list(many.map(lambda _: plane.servers.put(JUNK, size * "x"),
                              range(times)))
        late = plane.scenario.launch_worker()
        wait_for(lambda: len(plane.records()) == 6 * 3 + 1, SOON,
                 "the records of a worker that came meanwhile")
        plane.servers.delete(JUNK)
        plane.servers.compact()
        plane.router.signal(signal.SIGCONT)
        plane.workers.append(late)
        plane.wait_until_true()
        # etcd keeps what it could not send to a slow watch for a while, and then
        # the look at everything finds what the watch has not told yet.
        heard = ("were compacted", "the watch missed")
        wait_for(lambda: any(it in plane.router.stderr() for it in heard), SOON,
                 "the router to hear of what it missed")
        plane.scenario.fill(late)


def test_a_router_that_is_cut_off_learns_what_it_missed(scenario):
    server = EtcdServer(scenario)
    with Network() as network:
        way = loopback(network.way_to(server.port))
        plane = EtcdPlane(scenario, server, {"discovery.etcd.endpoints": way})
        early = scenario.worker()
        wait_for_worker(plane.router, early, discovered=True, connected=True)
        with plane:
            network.cut_off(plane.router)
            plane.wait_until_stale()
            assert early.terminate() == 0
            late = scenario.worker()
            plane.traffic.wait_for_more()
            assert known_worker(plane.router, late) is None
            assert known_worker(plane.router, early)["discovered"]
            network.mend()
            plane.workers.append(late)
            plane.wait_until_true()
            scenario.fill(late)
