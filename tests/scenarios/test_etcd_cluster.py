"""Three members of etcd, of which some fail."""

import pytest

from cluster import wait_for
from etcd import EtcdCluster
from etcd_plane import EtcdPlane, stale
from network import Network
from scenario import SOON

# A lease lives for longer than it takes to leave a member that says nothing, and
# a request may last for longer than an election, as by default.
TIMES = {"discovery.etcd.lease_ttl_ms": 10_000,
         "discovery.etcd.request_timeout_ms": 2000}


@pytest.fixture
def plane(scenario):
    return EtcdPlane(scenario, EtcdCluster(scenario), TIMES)


def wait_until_back(member):
    """It knows a leader, without whom it answers nothing."""
    wait_for(member.answers, SOON, f"{member.url} to be a member again")


def test_the_leader_is_killed(plane):
    with plane:
        leader = plane.servers.leader()
        leader.kill()
        plane.wait_until_left(leader)
        plane.wait_until_true()


def test_one_after_the_other_is_started_again(plane):
    with plane:
        for member in plane.servers.members:
            member.kill()
            plane.wait_until_left(member)
            member.start()
        plane.wait_until_true()


def test_a_member_that_stands_still_is_left_for_another(plane):
    with plane:
        member = plane.member_of(plane.router)
        member.freeze()
        plane.wait_until_left(member)
        plane.wait_until_true()
        member.thaw()
        wait_until_back(member)
        plane.wait_until_true()


def test_a_member_that_is_cut_off_from_the_others_is_left_for_another(scenario):
    with Network() as network:
        plane = EtcdPlane(scenario, EtcdCluster(
            scenario, way_to=network.way_to), TIMES)
        with plane:
            member = plane.member_of(plane.router)
            # It still answers clients, but knows nothing that is new.
            network.cut_off(member.program)
            plane.wait_until_left(member)
            plane.wait_until_true()
            network.mend()
            wait_until_back(member)
            plane.wait_until_true()


def test_without_a_majority_nothing_is_torn_down(plane):
    leader = plane.servers.leader()
    others = [each for each in plane.servers.members if each is not leader]
    with plane:
        # The one that is left answers, and knows no leader.
        leader.freeze()
        others[0].freeze()
        plane.wait_until_stale(30)
        leader.thaw()
        others[0].thaw()
        plane.wait_until_true()
    assert not stale(plane.router)
