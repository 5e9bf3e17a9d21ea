"""Processes of NVIDIA Dynamo on the same API server."""

import subprocess

import pytest

from cluster import ROOT, wait_for
from kube import OBJECTS
from meeting import (connections, wait_for_followers, wait_until_followed,
                     wait_until_held)
from peers import Dynamo, DynamoRelease, names_of, tokens_of
from kube_plane import SOON
from scenario import expect_equal, wait_for_worker

WORKER = 7


@pytest.fixture(scope="session")
def release():
    place = subprocess.run([ROOT / "scripts/interop.sh", "--install"],
                           check=True, capture_output=True,
                           text=True).stdout.strip()
    return DynamoRelease(place.rsplit("/", 1)[1], place)


@pytest.fixture
def dynamo(scenario, server, release):
    return Dynamo(scenario, release, "zmq", "kubernetes:")


def in_pod(server, name):
    return server.pod(name).environment()


def test_a_publisher_of_dynamo_is_followed_by_our_router(scenario, server,
                                                         dynamo):
    router = scenario.router({"router.index.compatibility": "dynamo",
                              "router.departed_ttl_ms": 200},
                             environment=in_pod(server, "router-0"))
    pod = server.pod("dynamo-0")
    theirs = dynamo.start("kv", "--worker", WORKER,
                          environment=pod.environment())
    # What it says before somebody has connected is lost.
    wait_for(lambda: connections(router, "kv-events") == 1, SOON,
             f"{router} to connect")
    theirs.order("stored", names=names_of(1, 3), tokens=tokens_of(1, 3))
    wait_until_held(router, WORKER, names_of(1, 3))
    # What their pod is, they are.
    pod.become(ready=False)
    wait_until_held(router, WORKER, [])
    pod.become(ready=True)
    theirs.order("stored", names=names_of(2, 2), tokens=tokens_of(2, 2))
    wait_until_held(router, WORKER, names_of(2, 2))
    theirs.end()


def test_our_worker_is_followed_by_dynamo(scenario, server, dynamo):
    theirs = dynamo.start("router", environment=in_pod(server, "dynamo-0"))
    ours = scenario.router(environment=in_pod(server, "router-0"))
    pod = server.pod("worker-0")
    worker = scenario.worker(environment=pod.environment())
    wait_for_worker(ours, worker, discovered=True, connected=True)
    wait_for_followers(worker, 2)
    scenario.fill(worker)
    expect_equal(ours, worker)
    wait_until_followed(theirs, worker)
    # Deleted behind its back: ours remembers what it holds, Dynamo's forgets it
    # with the records, and follows again.
    server.delete(server.path(OBJECTS, "worker-0"))
    wait_for(lambda: "worker-0" in server.objects(), SOON,
             f"{worker} to write its object again")
    wait_for_worker(ours, worker, discovered=True, connected=True)
    expect_equal(ours, worker)
    wait_for_followers(worker, 2)
    worker.post("/clear", {})
    scenario.fill(worker)
    wait_until_followed(theirs, worker)
    expect_equal(ours, worker)
