"""Three members of etcd, of which some fail."""

import pytest

from etcd import EtcdCluster
from etcd_plane import EtcdPlane, stale, wait_until_stale


# Longer than it takes to leave a member that says nothing, as by default.
LEASE_SECONDS = 10


@pytest.fixture
def plane(scenario):
    return EtcdPlane(scenario, EtcdCluster(scenario), LEASE_SECONDS)


def test_the_leader_is_killed(plane):
    with plane:
        plane.servers.leader().kill()
        plane.wait_until_true()


def test_one_after_the_other_is_started_again(plane):
    with plane:
        for member in plane.servers.members:
            member.kill()
            plane.traffic.wait_for_more()
            member.start()
        plane.wait_until_true()


def test_a_member_that_stands_still_is_left_for_another(plane):
    with plane:
        for member in plane.servers.members:
            member.freeze()
            plane.traffic.wait_for_more(30)
            plane.wait_until_true()
            member.thaw()


def test_without_a_majority_nothing_is_torn_down(plane):
    leader = plane.servers.leader()
    others = [each for each in plane.servers.members if each is not leader]
    with plane:
        # The one that is left answers, and knows no leader.
        leader.freeze()
        others[0].freeze()
        wait_until_stale(plane.router, 30)
        plane.traffic.wait_for_more()
        leader.thaw()
        others[0].thaw()
        plane.wait_until_true()
    assert not stale(plane.router)
