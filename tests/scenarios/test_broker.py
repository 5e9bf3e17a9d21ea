"""A broker between sockets that are not ours, and what discovery says of it."""

import base64
import json
import re
import urllib.request

import pytest
import zmq

from cluster import wait_for
from etcd import EtcdServer
from scenario import SOON
from wire import read_records

BINDS = {"broker.xsub_bind": "tcp://127.0.0.1:*",
         "broker.xpub_bind": "tcp://127.0.0.1:*"}
MILLISECONDS = SOON * 1000
SUBJECT = b"namespace.dynamo.component.backend.kv-events"


def start_broker(scenario, *arguments, settings=None, environment=None):
    """On loopback, unless the environment says where."""
    binds = {} if environment else BINDS
    return scenario.start(
        "dynamo-broker", *arguments, environment=environment,
        settings={"discovery.backend": "file"} | binds | (settings or {}))


@pytest.fixture
def context():
    with zmq.Context() as made:
        yield made


def connect(context, kind, endpoint, prefix=None):
    socket = context.socket(kind)
    socket.linger = 1000
    socket.rcvtimeo = MILLISECONDS
    socket.sndhwm = socket.rcvhwm = 0
    if prefix is not None:
        socket.setsockopt(zmq.SUBSCRIBE, prefix)
    socket.connect(endpoint)
    return socket


def wait_for_counts(broker, **wanted):
    def told():
        counts = broker.get("/counters")
        return counts if wanted.items() <= counts.items() else None
    return wait_for(told, SOON, lambda: f"{broker} to count {wanted}; it is "
                                        f"{broker.get('/counters')}")


def test_what_publishers_send_comes_to_every_subscriber_once(scenario, context):
    broker = start_broker(scenario)
    told = broker.started()
    sockets = [connect(context, zmq.SUB, told["xpub"], prefix)
               for prefix in (SUBJECT, b"")]
    publishers = [connect(context, zmq.XPUB, told["xsub"]) for _ in range(3)]
    for publisher in publishers:
        assert {publisher.recv() for _ in range(2)} == {b"\1" + SUBJECT, b"\1"}

    count = 2000
    for sequence in range(count):
        for number, publisher in enumerate(publishers):
            publisher.send_multipart([SUBJECT, bytes([number]),
                                      sequence.to_bytes(8, "big"), b"x" * 500])
    for socket in sockets:
        next_of = [0] * len(publishers)
        for _ in range(count * len(publishers)):
            _, number, sequence, _ = socket.recv_multipart()
            assert int.from_bytes(sequence, "big") == next_of[number[0]]
            next_of[number[0]] += 1
    wait_for_counts(broker, received=3 * count, delivered=6 * count, missed=0,
                    dropped=0, unheard=0, subscribers=2, subscriptions=2)


def test_what_a_stopped_subscriber_misses_is_counted(scenario, context):
    broker = start_broker(scenario, settings={"broker.queue_items_max": 100,
                                              "broker.wait_max_ms": 1000})
    told = broker.started()
    quick = connect(context, zmq.SUB, told["xpub"], b"")
    stopped = context.socket(zmq.SUB)
    stopped.rcvhwm = 1
    stopped.setsockopt(zmq.RCVBUF, 4096)
    stopped.setsockopt(zmq.SUBSCRIBE, SUBJECT)
    stopped.connect(told["xpub"])
    publisher = connect(context, zmq.XPUB, told["xsub"])
    assert {publisher.recv() for _ in range(2)} == {b"\1" + SUBJECT, b"\1"}

    count = 3000
    for _ in range(count):
        publisher.send_multipart([SUBJECT, b"x" * 4000])
    for _ in range(count):
        quick.recv_multipart()
    counts = wait_for_counts(broker, received=count)
    assert counts["dropped"] == counts["missed"] > 0, counts
    assert counts["delivered"] == 2 * count - counts["missed"], counts
    with urllib.request.urlopen(f"http://{broker.address}/metrics") as answer:
        text = answer.read().decode()
    assert re.search(rf"^dynamo_events_broker_dropped_total "
                     rf"{counts['dropped']}$", text, re.MULTILINE), text


def test_a_broker_is_in_discovery_until_it_ends(scenario):
    broker = start_broker(scenario, environment={
        "ZMQ_BROKER_NAMESPACE": "other", "DYN_EVENT_PLANE_HOST": "127.0.0.9",
        "ZMQ_BROKER_XSUB_BIND": "tcp://127.0.0.1:*",
        "ZMQ_BROKER_XPUB_BIND": "tcp://0.0.0.0:0"})
    told = broker.started()
    port = told["xpub"].rsplit(":", 1)[1]
    expected = {
        "type": "EventChannel",
        "scope": {"kind": "component", "namespace": "other",
                  "component": "zmq_broker"},
        "topic": "broker", "instance_id": told["publisher_id"],
        "transport": {"kind": "ZmqBroker", "config": {
            "xsub_endpoints": [told["xsub"]],
            "xpub_endpoints": [f"tcp://127.0.0.9:{port}"]}}}
    records = read_records(scenario.discovery, "event_channels")
    assert list(records.values()) == [expected]
    second = start_broker(scenario)
    assert len(read_records(scenario.discovery, "event_channels")) == 2
    for each in (broker, second):
        assert each.terminate() == 0
    assert read_records(scenario.discovery, "event_channels") == {}


def test_a_broker_is_in_etcd_until_it_ends(scenario):
    server = EtcdServer(scenario)
    broker = start_broker(scenario, settings=server.settings())
    told = broker.started()
    [(key, value)] = server.range("v1/event_channels/").items()
    assert key == ("v1/event_channels/namespace/dynamo/component/zmq_broker/"
                   f"topic/broker/{told['publisher_id']:x}")
    record = json.loads(base64.b64decode(value["value"]))
    assert record["transport"]["config"] == {
        "xsub_endpoints": [told["xsub"]], "xpub_endpoints": [told["xpub"]]}
    assert broker.terminate() == 0
    assert server.range("v1/event_channels/") == {}


def test_a_broker_need_not_be_in_discovery(scenario):
    # The default, etcd, is not even looked for.
    etcd = {"discovery.backend": "etcd"}
    broker = start_broker(scenario, "--no-register", settings=etcd)
    assert broker.started()["registered"] is False
    assert broker.get("/healthz") == {"status": "ok"}
    assert broker.terminate() == 0
