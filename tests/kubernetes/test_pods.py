"""Pods and objects that come and go."""

from cluster import wait_for
from kube import OBJECTS
from kube_plane import RECORDS, SOON
from scenario import (
    expect_accounted, expect_equal, known_worker, wait_for_worker)


def test_a_pod_becomes_ready_and_not_ready_and_ready(plane):
    worker, other = plane.workers
    pod = plane.pods[worker]
    plane.scenario.fill(worker)
    expect_equal(plane.router, worker)
    pod.become(ready=False)
    plane.router.wait_for_event("worker_left", SOON,
                                worker_id=worker.worker_id)
    # Its process goes on, and keeps its records.
    assert len(plane.records_of(worker)) == RECORDS
    wait_for_worker(plane.router, other, discovered=True, connected=True)
    pod.become(ready=True)
    wait_for_worker(plane.router, worker, discovered=True, connected=True)
    plane.scenario.fill(worker)
    expect_equal(plane.router, worker)
    expect_accounted(plane.router, worker)


def test_a_pod_that_is_not_ready_yet_is_not_seen(plane):
    pod = plane.server.pod("late-0", ready=False)
    late = plane.scenario.launch_worker(environment=pod.environment())
    wait_for(lambda: plane.server.objects().get("late-0"), SOON,
             f"{late} to write its object")
    seen = plane.worker()
    assert known_worker(plane.router, late) is None
    pod.become(ready=True)
    wait_for_worker(plane.router, late, discovered=True, connected=True)
    wait_for_worker(plane.router, seen, discovered=True, connected=True)


def test_a_pod_is_deleted(plane):
    gone, left = plane.workers
    plane.pods[gone].delete()
    plane.router.wait_for_event("worker_left", SOON, worker_id=gone.worker_id)
    wait_for_worker(plane.router, left, discovered=True, connected=True)
    # What nobody is ready for is not seen, though its process writes it again.
    assert known_worker(plane.router, gone) is None or not known_worker(
        plane.router, gone)["discovered"]


def test_an_object_that_is_deleted_or_spoiled_is_written_again(plane):
    with plane:
        worker = plane.workers[0]
        name = plane.pods[worker].name
        path = plane.server.path(OBJECTS, name)
        plane.server.delete(path)
        plane.wait_for_records(worker)
        wait_for(lambda: f"{name} is written again" in worker.stderr(), SOON,
                 f"{worker} to say so")
        wait_for_worker(plane.router, worker, discovered=True, connected=True)

        # Somebody takes the entries over, and empties them.
        data = {each: {} for each in plane.server.objects()[name]["spec"][
            "data"]}
        plane.server.call(
            "PATCH", path,
            {"spec": {"data": {each: None for each in data}}},
            kind="application/merge-patch+json")
        plane.wait_for_records(worker)
        wait_for_worker(plane.router, worker, discovered=True, connected=True)


def test_a_bad_record_costs_itself_and_not_its_object(plane):
    worker = plane.workers[0]
    name = plane.pods[worker].name
    plane.server.put(plane.server.path(OBJECTS, name), {
        "apiVersion": "nvidia.com/v1alpha1", "kind": "DynamoWorkerMetadata",
        "metadata": {"name": name},
        "spec": {"data": {"event_channels": {
            "bad": {"type": "EventChannel", "transport": {"kind": "Pigeon"}}}}}})
    wait_for(lambda: "skipped a record" in plane.router.stderr(), SOON,
             f"{plane.router} to name the bad record")
    wait_for_worker(plane.router, worker, discovered=True, connected=True)
    plane.scenario.fill(worker)
    expect_equal(plane.router, worker)


def test_an_object_of_a_former_pod_of_that_name_is_replaced(plane):
    server = plane.server
    stale = {"endpoints": {"dynamo/backend/generate/7": {
        "type": "Endpoint", "namespace": "dynamo", "component": "backend",
        "endpoint": "generate", "instance_id": 7,
        "transport": {"tcp": "192.0.2.9:1/7/generate"}}},
        "model_cards": {}, "event_channels": {}, "event_sources": {}}
    server.put(server.path(OBJECTS, "again-0"), {
        "apiVersion": "nvidia.com/v1alpha1", "kind": "DynamoWorkerMetadata",
        "metadata": {"name": "again-0", "ownerReferences": [{
            "apiVersion": "v1", "kind": "Pod", "name": "again-0",
            "controller": True, "blockOwnerDeletion": False,
            "uid": "00000000-0000-0000-0000-000000000000"}]},
        "spec": {"data": stale}})
    pod = server.pod("again-0")
    worker = plane.scenario.worker(environment=pod.environment())
    wait_for_worker(plane.router, worker, discovered=True, connected=True)
    endpoints = server.objects()["again-0"]["spec"]["data"]["endpoints"]
    assert "dynamo/backend/generate/7" not in endpoints
    assert "belongs to another pod" in worker.stderr()


def test_two_containers_of_one_pod(scenario, server):
    pod = server.pod("pair-0", containers=("main", "second"))
    router = scenario.router(
        environment=server.pod("router-0").environment(container="main"))
    main = scenario.worker(environment=pod.environment(container="main"))
    second = scenario.worker(environment=pod.environment(container="second"))
    assert {"pair-0", "pair-0-second"} <= set(server.objects())
    assert main.worker_id != second.worker_id
    for worker in (main, second):
        wait_for_worker(router, worker, discovered=True, connected=True)
        scenario.fill(worker)
    expect_equal(router, main, second)
    pod.become({"main": True, "second": False})
    router.wait_for_event("worker_left", SOON, worker_id=second.worker_id)
    wait_for_worker(router, main, discovered=True, connected=True)
    pod.become({"main": True, "second": True})
    wait_for_worker(router, second, discovered=True, connected=True)


def test_a_worker_that_ends_takes_its_records_along(plane):
    worker = plane.workers[0]
    assert worker.terminate() == 0
    plane.router.wait_for_event("worker_left", SOON,
                                worker_id=worker.worker_id)
    assert plane.records_of(worker) == []
