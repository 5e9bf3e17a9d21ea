"""Workers that end and begin again under the same id."""

import socket

from scenario import (EXPIRY, SOON, expect_equal, expect_whole, publisher,
                      streams, wait_for_stream, wait_for_worker)
from cluster import wait_for

# Below the ports that systems choose by themselves.
PORTS_FIRST = 21000
PORTS_END = 32000


def free_ports(count):
    """The first of `count` neighbouring ports that nobody uses."""
    for first in range(PORTS_FIRST, PORTS_END, count):
        sockets = []
        try:
            for port in range(first, first + count):
                sockets.append(socket.socket())
                sockets[-1].bind(("127.0.0.1", port))
            return first
        except OSError:
            continue
        finally:
            for each in sockets:
                each.close()
    raise AssertionError("no free ports")


def endpoints(worker):
    return {each["endpoint"] for each in worker.get("/streams")["publishers"]}


def fixed(worker_id, ports):
    """A worker has three publishers: kv-events, load and forward passes."""
    return {"worker.worker_id": worker_id, "zmq.port_first": ports,
            "zmq.port_last": ports + 2}


def test_a_worker_that_stopped_comes_back_on_another_port(scenario):
    settings = {"worker.worker_id": 7}
    router = scenario.router()
    old = scenario.worker(settings)
    scenario.fill(old)
    expect_equal(router, old)
    before = publisher(old)
    assert old.terminate() == 0
    router.wait_for_event("worker_left", SOON, worker_id=7)

    new = scenario.worker(settings)
    wait_for(lambda: len(router.events("worker_joined", worker_id=7)) == 2,
             SOON, "the worker to join again")
    scenario.fill(new, requests=5)
    assert publisher(new)["endpoint"] != before["endpoint"]
    assert publisher(new)["publisher_id"] != before["publisher_id"]
    expect_equal(router, new)
    expect_whole(router, new)
    # All that the old one ever said had arrived.
    stream = streams(router)[before["publisher_id"]]
    assert stream["received"] == before["sequence"] and not stream["missed"]


def test_killed_workers_come_back_on_the_same_and_on_other_ports(scenario):
    ports = free_ports(3)
    kinds = [fixed(7, ports), {"worker.worker_id": 8}]
    router = scenario.router()
    old = [scenario.worker(settings) for settings in kinds]
    for worker in old:
        scenario.fill(worker)
    expect_equal(router, *old)
    before = [publisher(worker) for worker in old]
    places = [endpoints(worker) for worker in old]
    for worker in old:
        worker.kill()

    # Their records are still there, and name the same workers and ports.
    new = [scenario.launch_worker(settings) for settings in kinds]
    for worker in new:
        worker.started(EXPIRY)
        wait_for(worker.ready, SOON, f"{worker} to be ready")
    assert endpoints(new[0]) == places[0]
    assert not endpoints(new[1]) & places[1]
    for worker in new:
        scenario.fill(worker, requests=5)
    expect_equal(router, *new)

    # They stay what they are when the old records have expired.
    for each in before:
        wait_for_stream(router, each["publisher_id"], "to leave",
                        lambda now: not now["discovered"], seconds=EXPIRY)
    for worker in new:
        scenario.fill(worker, requests=5)
    expect_equal(router, *new)
    for worker in new:
        expect_whole(router, worker)
        wait_for_worker(router, worker, discovered=True, connected=True,
                        state="in_sync")


def test_a_publisher_on_the_same_port_is_another_publisher(scenario):
    port = free_ports(1)
    settings = {"zmq.port_first": port, "zmq.port_last": port}
    tail = scenario.tail("kv_metrics")

    def speak(worker_id):
        once = scenario.publish("kv_metrics", f'{{"worker_id": {worker_id}}}',
                                "--repeat", "20", settings=settings)
        assert once.wait(SOON) == 0
        heard = wait_for(lambda: (lambda lines: lines if len(lines) == 20
                                  else None)(heard_of(worker_id)),
                         SOON, f"20 events of {worker_id}")
        assert [line["sequence"] for line in heard] == list(range(20))
        return heard[0]["publisher_id"]

    def heard_of(worker_id):
        return [line for line in tail.events("received")
                if line["value"]["worker_id"] == worker_id]

    assert len({speak(worker_id) for worker_id in (1, 2, 3)}) == 3
    assert tail.events("stream_gap") == tail.events("stream_duplicate") == []
    used = {line["endpoint"] for line in tail.events("publisher_joined")}
    assert used == {f"tcp://127.0.0.1:{port}"}
