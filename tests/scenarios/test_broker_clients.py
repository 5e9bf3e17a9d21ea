"""Workers and routers whose events go through brokers of ZMQ."""

import pytest

from brokers import Brokers, broker_paths, wait_for_brokers
from cluster import wait_for
from scenario import (SOON, Traffic, expect_accounted, expect_equal,
                      expect_nothing_missed, expect_whole, publisher,
                      wait_for_link, wait_for_refusal)
from wire import read_records


@pytest.fixture
def brokers(scenario):
    """Two, found in discovery by everything that is started from now on."""
    made = Brokers(scenario, 2)
    scenario.settings |= made.settings()
    return made


def connected(program, count):
    wait_for(program.ready, SOON, f"{program} to be ready")
    wait_for_brokers(program, count)
    return program


def counted(broker, name):
    return broker.get("/counters")[name]


def test_events_come_once_through_two_brokers(scenario, brokers):
    router = connected(scenario.launch_router(), 2)
    worker = connected(scenario.launch_worker(), 2)
    scenario.fill(worker, requests=30)
    expect_equal(router, worker)
    expect_whole(router, worker)
    # Which is not held for the first subscriber.
    expect_accounted(router, worker, "kv_metrics")
    sent = publisher(worker)["sequence"]
    wait_for(lambda: wait_for_link(router)["duplicates"] >= sent, SOON,
             "the copies to be dropped")
    told = wait_for_link(router, state="connected", missing=0, late=0, epoch=1)
    assert {each["side"] for each in told["brokers"]} == {"xsub", "xpub"}
    for broker in brokers.programs:
        assert counted(broker, "received") >= sent
        assert counted(broker, "dropped") == counted(broker, "missed") == 0
    # A publisher at brokers has no channel of its own; its source says whose
    # cache it tells of.
    owners = {each["topic"] for each in
              read_records(scenario.discovery, "event_channels").values()}
    assert owners == {"broker"}
    sources = read_records(scenario.discovery, "event_sources").values()
    assert [each["publisher_id"] for each in sources] == [
        publisher(worker)["publisher_id"]]


def test_a_broker_that_is_killed_loses_nothing(scenario, brokers):
    routers = [connected(scenario.launch_router(), 2) for _ in range(2)]
    workers = [connected(scenario.launch_worker(), 2) for _ in range(3)]
    with Traffic(scenario, *workers) as traffic:
        traffic.wait_for_more()
        brokers.programs[0].kill()
        traffic.wait_for_more(30)
    for router in routers:
        expect_equal(router, *workers)
        for worker in workers:
            expect_whole(router, worker)
        # The link as a whole was never lost.
        wait_for_link(router, state="connected", epoch=1, losses=0, missing=0)


def test_a_broker_that_comes_later_is_used(scenario):
    brokers = Brokers(scenario, 1)
    scenario.settings |= brokers.settings()
    router = connected(scenario.launch_router(), 1)
    worker = connected(scenario.launch_worker(), 1)
    with Traffic(scenario, worker) as traffic:
        traffic.wait_for_more()
        later = brokers.start()
        for program in (router, worker):
            wait_for_brokers(program, 2)
        wait_for(lambda: counted(later, "received") > 0, SOON,
                 "the later broker to be used")
        traffic.wait_for_more()
        assert brokers.programs[0].terminate() == 0
        traffic.wait_for_more()
    expect_equal(router, worker)
    expect_whole(router, worker)
    for program in (router, worker):
        # Its record went, and then its connections.
        wait_for_brokers(program, 1)


def test_brokers_that_are_all_lost_come_back(scenario, brokers):
    router = connected(scenario.launch_router(), 2)
    worker = connected(scenario.launch_worker(), 2)
    scenario.fill(worker)
    expect_equal(router, worker)
    for broker in brokers.programs:
        broker.kill()
    for program in (router, worker):
        wait_for_link(program, state="reconnecting")
        refusal = wait_for_refusal(program, "lost the connection",
                                   "zmq broker")
        assert "nats" not in refusal.lower()
    # What happens meanwhile waits in the worker's buffer.
    scenario.fill(worker)
    assert publisher(worker)["waiting"] > 0
    for told in [broker.started() for broker in brokers.programs]:
        brokers.start(xsub=told["xsub"], xpub=told["xpub"])
    for program in (router, worker):
        wait_for_link(program, state="connected", epoch=2)
    scenario.fill(worker)
    expect_nothing_missed(router, worker)
    expect_equal(router, worker)


def test_brokers_are_named_by_their_addresses(scenario):
    brokers = Brokers(scenario, 2, {"broker.registered": False})
    environment = {"DYN_EVENT_PLANE": "zmq",
                   "DYN_ZMQ_BROKER_URL": brokers.url()}
    # What a variable says is stronger than a file; these say zmq, too.
    router = connected(scenario.launch_router(environment=environment), 2)
    worker = connected(scenario.launch_worker(environment=environment), 2)
    scenario.fill(worker)
    expect_equal(router, worker)
    expect_whole(router, worker)
    assert len(broker_paths(router)) == 4


def test_who_finds_no_broker_waits_and_says_so(scenario):
    environment = {"DYN_EVENT_PLANE": "zmq", "DYN_ZMQ_BROKER_ENABLED": "true"}
    settings = {"zmq.connect_timeout_ms": 200}
    worker = scenario.launch_worker(settings, environment)
    router = scenario.launch_router(settings, environment)
    for program in (router, worker):
        refusal = wait_for_refusal(program, "waiting for a zmq broker",
                                   "registered in discovery")
        assert "dynamo-broker" in refusal
    Brokers(scenario, 1)
    for program in (router, worker):
        connected(program, 1)
    scenario.fill(worker)
    expect_equal(router, worker)
    expect_accounted(router, worker)


def test_a_broker_url_that_is_none_is_refused(scenario):
    worker = scenario.launch_worker(
        environment={"DYN_ZMQ_BROKER_URL": "xsub=tcp://127.0.0.1:1"})
    assert worker.wait(SOON) == 2
    assert "zmq.broker.url: expected" in worker.stderr()


def test_tail_and_publish_go_through_brokers(scenario, brokers):
    worker = connected(scenario.launch_worker(), 2)
    tail = scenario.tail("kv-events", "kv_metrics")
    wait_for(lambda: counted(brokers.programs[0], "subscriptions") >= 1, SOON,
             "the tail to be subscribed")
    scenario.fill(worker, requests=3)
    tail.wait_for_event("received", SOON, sequence=2)
    said = scenario.publish(
        "kv_metrics", '{"worker_id": 7, "dp_rank": 0, "kv_used_blocks": 5}')
    assert said.wait(SOON) == 0, said.stderr()
    tail.wait_for_event("received", SOON, topic="kv_metrics")
