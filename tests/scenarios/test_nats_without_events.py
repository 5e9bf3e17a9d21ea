"""Programs that were told to do without kv-events."""

import os
import pathlib

from cluster import request, wait_for
from scenario import (HERE, SOON, Scenario, link, streams, wait_for_link,
                      wait_for_worker)

LISTENING = "0A"
# Nobody can listen there without being asked for by name.
NOBODY = {"event_plane": "nats", "nats.servers": "127.0.0.1:1"}


def quiet(scenario: Scenario, name, config, settings):
    """A program with --no-kv-events, when it is ready."""
    program = scenario.start(name, "--no-kv-events", config=HERE / config,
                             settings=settings)
    wait_for(program.ready, SOON, f"{program} to be ready")
    return program


def tcp_sockets(program):
    """(local port, state) of every TCP socket of a process."""
    own = set()
    for path in pathlib.Path(f"/proc/{program.pid}/fd").iterdir():
        try:
            own.add(os.readlink(path))
        except OSError:
            continue
    found = set()
    for table in ("tcp", "tcp6"):
        lines = pathlib.Path(
            f"/proc/{program.pid}/net/{table}").read_text().splitlines()[1:]
        for words in (line.split() for line in lines):
            if f"socket:[{words[9]}]" in own:
                found.add((int(words[1].rsplit(":", 1)[1], 16), words[3]))
    return found


def test_a_router_without_events_needs_no_server_and_opens_no_socket(scenario):
    router = quiet(scenario, "dynamo-router", "router.jsonc", NOBODY)
    worker = quiet(scenario, "dynamo-worker", "worker.jsonc", {})
    router.wait_for_event("worker_joined", SOON, worker_id=worker.worker_id)
    answer = router.post("/route", {"request_id": "a", "tokens": [1] * 64})
    assert answer["worker_id"] == worker.worker_id
    assert answer["endpoint"] == f"http://{worker.address}"
    request(router.address, "DELETE", "/requests/a")
    assert router.get("/streams")["subscriptions"] == []
    assert "waiting for a NATS server" not in router.stderr()

    port = int(router.address.rsplit(":", 1)[1])
    sockets = tcp_sockets(router)
    assert (port, LISTENING) in sockets
    # Connections of those who ask it have its own port.
    assert {local for local, _ in sockets} == {port}


def test_a_worker_without_events_publishes_none(scenario):
    scenario.nats_server()
    router = scenario.router()
    worker = quiet(scenario, "dynamo-worker", "worker.jsonc", {})
    tail = scenario.tail("kv-events")
    other = scenario.worker()
    for each in (worker, other):
        scenario.fill(each)
    topics = {each["topic"] for each in worker.get("/streams")["publishers"]}
    assert "kv-events" not in topics

    def heard():
        # The subscription may be younger than the first events.
        scenario.fill(other, 1)
        return len(tail.events("received")) >= 10
    wait_for(heard, SOON, "the other worker's events")
    assert {event["worker_id"] for line in tail.events("received")
            for event in line["value"]} == {other.worker_id}
    assert len(streams(router)) == 1
    wait_for_worker(router, other, state="in_sync")
    wait_for_link(worker, state="connected")
    assert link(router)["state"] == "connected"
