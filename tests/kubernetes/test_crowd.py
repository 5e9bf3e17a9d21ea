"""Hundreds of pods that arrive at once."""

import concurrent.futures
import time

import pytest
import zmq

from cluster import wait_for
from etcd_plane import discovered
from kube import OBJECTS
from kube_plane import TRUE_AGAIN
from scenario import expect_equal, known_worker, streams
from soak import resident_kib

ALL = 300
# The others are objects that a script writes, with publishers that say nothing.
PROCESSES = 6
MANY = 1000
# Of a router, for each pod that it knows: what is parsed of its object.
KIB_EACH_MAX = 32
# A server ends watches when it likes; nothing else is a reason to ask again.
READS_MAX = 20


@pytest.fixture
def silent_publisher():
    """The address of a socket that everybody may connect to."""
    context = zmq.Context()
    socket = context.socket(zmq.PUB)
    socket.set_hwm(1)
    port = socket.bind_to_random_port("tcp://127.0.0.1")
    yield f"tcp://127.0.0.1:{port}"
    context.destroy(linger=0)


def channel(number, address):
    if address is None:
        return {}
    scope = {"kind": "endpoint",
             "endpoint": {"namespace": "dynamo", "component": "backend",
                          "name": "generate"}}
    place = "namespace/dynamo/component/backend/endpoint/generate"
    return {f"{place}/topic/kv-events/{number:x}": {
        "type": "EventChannel", "scope": scope, "topic": "kv-events",
        "instance_id": number, "namespace": "dynamo", "component": "backend",
        "transport": {"kind": "Zmq", "config": {"endpoint": address}}}}


def arrive(server, number, address):
    """A pod with a worker's records, as soon as it is there."""
    pod = server.pod(f"crowd-{number}")
    worker = 1000 + number
    place = {"namespace": "dynamo", "component": "backend",
             "endpoint": "generate", "instance_id": worker}
    key = f"dynamo/backend/generate/{worker:x}"
    server.put(server.path(OBJECTS, pod.name), {
        "apiVersion": "nvidia.com/v1alpha1", "kind": "DynamoWorkerMetadata",
        "metadata": {"name": pod.name, "ownerReferences": [{
            "apiVersion": "v1", "kind": "Pod", "name": pod.name,
            "uid": pod.uid, "controller": True, "blockOwnerDeletion": False}]},
        "spec": {"data": {
            "endpoints": {key: {"type": "Endpoint", **place,
                                "transport": {"tcp": "192.0.2.1:1/x"}}},
            "model_cards": {key: {"type": "Model", **place,
                                  "card_json": {"runtime_config": {
                                      "data_parallel_start_rank": 0,
                                      "data_parallel_size": 1}}}},
            "event_channels": channel(10_000 + number, address),
            "event_sources": {}}}})
    return worker


def test_300_workers_arrive_within_ten_seconds(scenario, server,
                                               silent_publisher):
    router = scenario.router(
        environment=server.pod("router-0").environment())
    pods = [server.pod(f"worker-{number}") for number in range(PROCESSES)]
    began = time.monotonic()
    workers = [scenario.launch_worker(environment=pod.environment())
               for pod in pods]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        crowd = set(pool.map(
            lambda number: arrive(server, number, silent_publisher),
            range(ALL - PROCESSES)))
    print(f"arrived within {time.monotonic() - began:.1f} s")
    for worker in workers:
        wait_for(worker.ready, TRUE_AGAIN, f"{worker} to be ready")
    expected = crowd | {worker.worker_id for worker in workers}
    wait_for(lambda: discovered(router) == expected, TRUE_AGAIN,
             lambda: f"{router} to know {len(expected)} workers; it knows "
                     f"{len(discovered(router) & expected)}")
    wait_for(lambda: connected(router) >= ALL, TRUE_AGAIN,
             lambda: f"{router} to be connected to all; it is to "
                     f"{connected(router)}")
    print(f"known and connected after {time.monotonic() - began:.1f} s")
    for worker in workers:
        scenario.fill(worker)
    expect_equal(router, *workers)

    # Half of the crowd is not ready any more: that is all that changes.
    gone = sorted(crowd)[::2]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda worker: server.delete(
            server.path("endpointslices", f"crowd-{worker - 1000}")), gone))
    left = expected - set(gone)
    wait_for(lambda: discovered(router) == left, TRUE_AGAIN,
             lambda: f"{router} to know {len(left)}; it knows "
                     f"{len(discovered(router))}")
    for worker in workers:
        assert known_worker(router, worker)["connected"]


def requests_for(server, resource, *verbs):
    """How many of them the API server has been sent."""
    counted = 0
    for line in server.text("/metrics").splitlines():
        if (line.startswith("apiserver_request_total{")
                and f'resource="{resource}"' in line
                and any(f'verb="{verb}"' in line for verb in verbs)):
            counted += float(line.rsplit(" ", 1)[1])
    return counted


def reads(server):
    """Requests by which somebody asks for many objects. A watch counts when it
    ends."""
    return sum(requests_for(server, resource, "LIST", "WATCH")
               for resource in ("endpointslices", OBJECTS))


def test_a_thousand_pods_cost_little(scenario, server):
    router = scenario.router(
        environment=server.pod("router-0").environment())
    began, asked, had = time.monotonic(), reads(server), resident_kib(
        router.pid)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        crowd = set(pool.map(lambda number: arrive(server, number, None),
                             range(MANY)))
    wait_for(lambda: discovered(router) == crowd, TRUE_AGAIN,
             lambda: f"{router} to know {MANY} workers; it knows "
                     f"{len(discovered(router) & crowd)}")
    grown = (resident_kib(router.pid) - had) / MANY
    asked = reads(server) - asked
    print(f"{grown:.1f} KiB and {asked / MANY:.3f} requests for each of {MANY} "
          f"pods within {time.monotonic() - began:.1f} s")
    assert grown <= KIB_EACH_MAX
    assert asked <= READS_MAX


def connected(router):
    return sum(each["connection"] == "connected"
               for each in streams(router).values())
