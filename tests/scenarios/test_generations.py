"""Workers that speak as Dynamo 1.3 does beside those that speak as 1.4, and a
router that follows both, as during an upgrade."""

import urllib.parse

import pytest

from brokers import Brokers, wait_for_brokers
from cluster import wait_for
from etcd import EtcdServer
from scenario import (SOON, Traffic, expect_accounted, expect_equal,
                      expect_nothing_missed, known_worker, publisher,
                      wait_for_worker)
from wire import read_records

OLD = {"wire_version": "1.3"}
NEW = {"wire_version": "1.4"}


def expect_both_followed(scenario):
    router = scenario.router()
    old, new = scenario.worker(OLD), scenario.worker(NEW)
    for worker in (old, new):
        scenario.fill(worker)
    expect_equal(router, old, new)
    for worker in (old, new):
        expect_nothing_missed(router, worker)
        for topic in ("kv_metrics", "forward-pass-metrics"):
            expect_accounted(router, worker, topic)
    return router, old, new


@pytest.mark.parametrize("scenario", ["zmq", "nats"], indirect=True)
def test_a_router_follows_both_at_once(scenario):
    router, old, new = expect_both_followed(scenario)
    # Load that the older one reports counts for it, too.
    for worker in (old, new):
        wait_for(lambda w=worker: known_worker(router, w)["ranks"][0][
            "kv_used_blocks"] is not None, SOON, f"{router} to know the load of {worker}")


@pytest.mark.parametrize("scenario", ["zmq", "nats"], indirect=True)
def test_a_worker_is_upgraded(scenario):
    settings = {"worker.worker_id": 7}
    router = scenario.router()
    other = scenario.worker(NEW)
    worker = scenario.worker(OLD | settings)
    with Traffic(scenario, other) as traffic:
        scenario.fill(worker)
        expect_accounted(router, worker)
        assert worker.terminate() == 0
        upgraded = scenario.worker(NEW | settings)
        scenario.fill(upgraded, requests=3)
        traffic.wait_for_more()
    wait_for_worker(router, upgraded, discovered=True)
    # What the older incarnation held is gone, and nothing counts twice.
    expect_equal(router, upgraded, other)
    expect_nothing_missed(router, upgraded)


def test_records_of_1_3_are_those_of_dynamo(scenario):
    worker = scenario.worker(OLD)
    told = publisher(worker)
    records = {urllib.parse.unquote(name): record for name, record in
               read_records(scenario.discovery, "event_channels").items()}
    key = f"dynamo/backend/kv-events/{told['publisher_id']:x}"
    assert records[key] == {
        "type": "EventChannel", "namespace": "dynamo", "component": "backend",
        "topic": "kv-events", "instance_id": told["publisher_id"],
        "transport": {"kind": "Zmq", "config": {"endpoint": told["endpoint"]}}}
    load = publisher(worker, "kv_metrics")["publisher_id"]
    assert records[f"dynamo//kv_metrics/{load:x}"]["component"] == ""
    assert read_records(scenario.discovery, "event_sources") == {}


def test_both_find_each_other_in_etcd(scenario):
    server = EtcdServer(scenario)
    scenario.settings |= server.settings()
    expect_both_followed(scenario)
    keys = server.range("v1/event_channels/dynamo/")
    assert any(key.startswith("v1/event_channels/dynamo/backend/kv-events/")
               for key in keys), keys


def test_brokers_carry_bare_topics_when_asked_to(scenario):
    brokers = Brokers(scenario, 2)
    scenario.settings |= brokers.settings() | OLD
    router = scenario.router()
    old, new = scenario.worker(), scenario.worker(NEW)
    for program in (router, old, new):
        wait_for_brokers(program, 2)
    for worker in (old, new):
        scenario.fill(worker)
    expect_equal(router, old, new)
    for worker in (old, new):
        expect_nothing_missed(router, worker)
