"""NATS clients that share no code with us."""

import time

import msgpack
import nats_wire
import wire

from cluster import wait_for
from scenario import (SOON, device_blocks, expect_equal, publisher,
                      quiet_publisher, wait_for_stream)

TOPIC = "kv-events"
SUBJECT = "namespace.dynamo.component.backend.endpoint.generate.kv-events"
OUR_WORKER = 7
OUR_PUBLISHER = 0x1F00BA4


def test_a_plain_subscriber_can_follow_a_worker(scenario):
    server = scenario.nats_server()
    with nats_wire.Client(server, SOON) as client:
        client.subscribe(SUBJECT)
        worker = scenario.worker()
        scenario.fill(worker, requests=30)
        told = quiet_publisher(worker)
        blocks = 0
        for sequence in range(told["sequence"]):
            subject, body = client.receive()
            assert subject == SUBJECT
            # A map of five, without the frame that ZMQ has.
            assert body[0] == 0x85
            inside = msgpack.unpackb(body)
            assert list(inside) == wire.ENVELOPE_KEYS
            assert inside["publisher_id"] == told["publisher_id"]
            assert inside["sequence"] == sequence
            assert inside["topic"] == TOPIC
            assert abs(inside["published_at"] / 1000 - time.time()) < 60
            for event in msgpack.unpackb(inside["payload"]):
                assert event["worker_id"] == worker.worker_id
                (kind, stored), = event["event"]["data"].items()
                assert kind == "stored"
                blocks += len(stored["blocks"])
        assert blocks == 30 * 4

    # The record tells the subject to those who look for it.
    (record,) = (each for each in wire.read_records(
        scenario.discovery, "event_channels").values()
                 if each["topic"] == TOPIC)
    assert record["instance_id"] == told["publisher_id"]
    assert record["transport"]["kind"] == "Nats"
    prefix = record["transport"]["config"]["subject_prefix"]
    assert prefix.startswith("namespace.") and SUBJECT.startswith(prefix)
    assert publisher(worker)["endpoint"] in ("", SUBJECT, prefix)


class Worker:
    """Speaks as a worker does, without being in discovery as a publisher."""

    def __init__(self, client):
        self.client = client
        self.sequence = 0

    def publish(self, payload):
        self.say(wire.envelope(OUR_PUBLISHER, self.sequence, TOPIC,
                               msgpack.packb(payload)))
        self.sequence += 1

    def say(self, body):
        self.client.publish(SUBJECT, body)


def put_worker(records):
    records.put("event_sources", wire.event_key(TOPIC, OUR_PUBLISHER),
                wire.source(TOPIC, OUR_PUBLISHER, OUR_WORKER))
    records.put("mdc", wire.worker_key(OUR_WORKER), wire.model(OUR_WORKER))
    records.put("instances", wire.worker_key(OUR_WORKER),
                wire.instance(OUR_WORKER, "127.0.0.1:9"))


class Known:
    """For device_blocks."""
    worker_id = OUR_WORKER


def expect_device(router, rows):
    wait_for(lambda: device_blocks(router, Known) == rows, SOON,
             lambda: f"{rows}; it is {device_blocks(router, Known)}")


def test_a_plain_publisher_is_indexed_and_junk_is_counted(scenario):
    server = scenario.nats_server()
    router, other = scenario.router(), scenario.worker()
    with wire.Records(scenario.discovery) as records, \
            nats_wire.Client(server, SOON) as client:
        put_worker(records)
        router.wait_for_event("worker_joined", SOON, worker_id=OUR_WORKER)
        speaker = Worker(client)
        speaker.publish([
            wire.stored(OUR_WORKER, 1, None, [(101, 1), (102, 2)]),
            wire.stored(OUR_WORKER, 2, 102, [(2**64 - 1, 4)])])
        expect_device(router, {(101, 1, None), (102, 2, 101),
                               (2**64 - 1, 4, 102)})

        right = wire.envelope(OUR_PUBLISHER, speaker.sequence, TOPIC, b"\x90")
        junk = [b"", b"\xc1", b"\x85", right[:-1], wire.frame(right),
                b"\x91" * 100_000, b"\xdf\xff\xff\xff\xff",
                wire.envelope(OUR_PUBLISHER, "x", TOPIC, b"")]
        for body in junk:
            speaker.say(body)
        # Right in itself, but it belongs on another subject.
        speaker.say(wire.envelope(OUR_PUBLISHER, 99, "kv_metrics", b"\x90"))
        speaker.publish([wire.removed(OUR_WORKER, 3, [2**64 - 1])])
        expect_device(router, {(101, 1, None), (102, 2, 101)})
        receiver = router.get("/counters")["receiver"]
        assert receiver["bad_envelope"] == len(junk), receiver
        assert receiver["bad_topic"] == 1, receiver
        stream = wait_for_stream(router, OUR_PUBLISHER, "to have 2 messages",
                                 lambda now: now["received"] == 2)
        assert stream["missed"] == stream["duplicates"] == 0
        scenario.fill(other)
        expect_equal(router, other)
