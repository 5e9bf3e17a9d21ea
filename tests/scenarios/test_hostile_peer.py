"""A peer in the same directory that does everything wrong.

Whatever it puts into discovery and onto the wire is counted, and the streams
of those who do nothing wrong lose nothing by it.
"""

import json
import os
import struct

import msgpack
import pytest
import wire
import zmq

from cluster import wait_for
from scenario import (SOON, Traffic, expect_equal, expect_whole, publisher,
                      streams, wait_for_stream, wait_for_worker)

TOPIC = "kv-events"
WORKER = 666
IDENTITY = 0xBAD
MESSAGE_BYTES_MAX = 1 << 20


@pytest.fixture
def context():
    with zmq.Context() as made:
        yield made
        made.destroy(linger=0)


# -- records -------------------------------------------------------------------


def bad_values(own):
    """Name -> content; not one of them says anything that can be used."""
    channel = wire.channel(TOPIC, 1, own)
    key = wire.file_name(wire.event_key(TOPIC, 1))

    def named(number, content):
        return (wire.file_name(wire.event_key(TOPIC, 0xBAD000 + number)),
                content if isinstance(content, bytes)
                else json.dumps(content).encode())

    return dict([
        named(0, b""),
        named(1, b"\xff\xfe\x00garbage\x80"),
        named(2, b'{"type":"EventChannel"'),
        named(3, b"[" * 100_000),
        named(4, b'{"a":' * 100_000),
        named(5, {"type": "Nonsense"}),
        named(6, channel | {"instance_id": -1}),
        named(7, channel | {"instance_id": 2**64}),
        named(8, channel | {"instance_id": "7"}),
        named(9, channel | {"scope": {"kind": "galaxy"}}),
        named(10, channel | {"transport": {"kind": "Pigeon", "config": {}}}),
        named(11, b" " * (2 << 20) + json.dumps(channel).encode()),
        # A record under the key of another publisher.
        named(12, channel),
        (key + "%2F1", json.dumps(channel).encode()),
        ("%ZZ" + key, json.dumps(channel).encode()),
        ("no-key-at-all", json.dumps(channel).encode()),
        ("x" * 255, json.dumps(channel).encode()),
    ])


def put_bad_files(root, records, own, good):
    """Everything that may lie in a directory. `good` is another's channel."""
    for bucket in ("event_channels", "event_sources", "instances", "mdc"):
        for name, content in bad_values(own).items():
            records.put_bytes(bucket, name, content)
        directory = root / "v1" / bucket
        (directory / "directory").mkdir()
        os.mkfifo(directory / "pipe")
        (directory / "loop").symlink_to("loop")
        (directory / "endless").symlink_to("/dev/zero")
    # The good publisher's key in another spelling, with our address.
    key = wire.event_key(TOPIC, good["publisher_id"])
    impostor = json.dumps(
        wire.channel(TOPIC, good["publisher_id"], own)).encode()
    for name in (wire.file_name(key).replace("kv%2Devents", "k%76%2devents"),
                 wire.file_name(key).replace("dynamo", "%64ynamo", 1)):
        records.put_bytes("event_channels", name, impostor)


# -- messages ------------------------------------------------------------------


class Mischief:
    """Sends bad messages, and counts what should be counted."""

    def __init__(self, speaker, victim):
        self.speaker = speaker
        self.victim = victim
        self.expected = {"bad_parts": 0, "bad_topic": 0, "bad_identity": 0,
                         "bad_frame": 0}
        self.unreadable = 0

    def good(self, payload=None):
        events = payload if payload is not None else []
        self.speaker.publish(events)

    def raw(self, kind, parts):
        self.expected[kind] += 1
        self.speaker.send(parts)

    def spoil_parts(self):
        parts = wire.message(IDENTITY, self.speaker.sequence, TOPIC, [])
        for count in (1, 2, 3):
            self.raw("bad_parts", parts[:count])
        self.raw("bad_parts", parts + [b""])
        self.raw("bad_parts", parts * 100)

    def spoil_topic(self):
        parts = wire.message(IDENTITY, self.speaker.sequence, TOPIC, [])
        for topic in (b"kv-events-x", b"kv-eventss", b"kv-events\0",
                      b"kv-events." + b"x" * 10_000):
            self.raw("bad_topic", [topic] + parts[1:])

    def spoil_identity(self):
        topic, identity, number, framed = wire.message(
            IDENTITY, self.speaker.sequence, TOPIC, [])
        for parts in ([topic, identity[1:], number, framed],
                      [topic, identity + b"\0", number, framed],
                      [topic, b"", number, framed],
                      [topic, identity, number[1:], framed],
                      [topic, identity, b"", framed],
                      [topic, struct.pack(">Q", 0), number, framed]):
            self.raw("bad_identity", parts)
        # In the name of somebody who never said it.
        for sequence in (0, 10**6, 2**64 - 1):
            self.raw("bad_identity", wire.message(
                self.victim["publisher_id"], sequence, TOPIC, []))

    def spoil_frame(self):
        head = wire.message(IDENTITY, self.speaker.sequence, TOPIC, [])[:3]
        whole = wire.frame(wire.envelope(IDENTITY, self.speaker.sequence,
                                         TOPIC, b"\x90"))
        for framed in (b"", whole[:4], whole[:-1], whole[:20],
                       b"\x02" + whole[1:], b"\x00" + whole[1:],
                       b"\x01\xff\xff\xff\xff" + whole[5:]):
            self.raw("bad_frame", head + [framed])

    def spoil_envelope(self):
        """Frames that are right around envelopes that are not."""
        whole = msgpack.unpackb(wire.envelope(IDENTITY, 0, TOPIC, b"\x90"))
        bodies = [b"", b"\xc1", b"\x85", b"\x91" * 100_000,
                  b"\xdf\xff\xff\xff\xff", b"\x81\xa1x\xdd\xff\xff\xff\xff"]
        changes = [{"publisher_id": self.victim["publisher_id"]},
                   {"sequence": 10**9}, {"sequence": -1}, {"sequence": 1.5},
                   {"topic": "kv_metrics"}, {"topic": None},
                   {"payload": None}, {"published_at": "now"}]
        for change in changes:
            number = self.speaker.sequence + len(bodies)
            bodies.append(msgpack.packb(
                whole | {"sequence": number} | change))
        for body in bodies:
            sequence = self.speaker.next_sequence()
            self.unreadable += 1
            self.speaker.send([TOPIC.encode(), struct.pack(">Q", IDENTITY),
                               struct.pack(">Q", sequence), wire.frame(body)])

    def spoil_payload(self):
        """Envelopes that are right around payloads that are not."""
        event = wire.stored(WORKER, 1, None, [(1, 1)])
        payloads = [b"", b"\xc1", b"\x91" * 100_000, b"\xdd\xff\xff\xff\xff",
                    b"\x91\x81\xa9worker_id", msgpack.packb(7),
                    msgpack.packb([event | {"worker_id": "x"}]),
                    msgpack.packb([event | {"storage_tier": "moon"}]),
                    msgpack.packb([event | {"event": None}])]
        for payload in payloads:
            sequence = self.speaker.next_sequence()
            self.unreadable += 1
            body = wire.envelope(IDENTITY, sequence, TOPIC, payload)
            self.speaker.send([TOPIC.encode(), struct.pack(">Q", IDENTITY),
                               struct.pack(">Q", sequence), wire.frame(body)])

    def lie_about(self, worker):
        """Right in every respect, but about another's blocks."""
        self.good([wire.cleared(worker.worker_id, 10**6)])
        self.good([wire.removed(worker.worker_id, 10**6 + 1, list(range(99)))])


def test_the_good_lose_nothing_and_the_bad_is_counted(scenario, context):
    # All that this router counts as bad is the hostile peer's.
    router = scenario.router({"zmq.message_bytes_max": MESSAGE_BYTES_MAX})
    workers = [scenario.worker(), scenario.worker()]
    for worker in workers:
        wait_for_worker(router, worker, discovered=True, connected=True)
    good = publisher(workers[0])

    with wire.Records(scenario.discovery) as records, \
            Traffic(scenario, *workers) as traffic:
        traffic.wait_for_more()
        speaker = wire.Publisher(context, TOPIC, IDENTITY)
        put_bad_files(scenario.discovery, records, speaker.endpoint, good)
        records.put("event_channels", wire.event_key(TOPIC, IDENTITY),
                    wire.channel(TOPIC, IDENTITY, speaker.endpoint))
        records.put("event_sources", wire.event_key(TOPIC, IDENTITY),
                    wire.source(TOPIC, IDENTITY, WORKER))
        speaker.wait_for_subscriber(SOON)

        mischief = Mischief(speaker, good)
        mischief.good([wire.stored(WORKER, 1, None, [(5, 5)])])
        for spoil in (mischief.spoil_parts, mischief.spoil_topic,
                      mischief.spoil_identity, mischief.spoil_frame,
                      mischief.spoil_envelope, mischief.spoil_payload):
            spoil()
            mischief.good()
        for worker in workers:
            mischief.lie_about(worker)
        expect_counts(router, mischief)
        traffic.wait_for_more()

        # Too long even to look at: the connection is closed, and made again.
        speaker.send([TOPIC.encode(), b"", b"", b"x" * (MESSAGE_BYTES_MAX + 1)])
        speaker.wait_for_subscriber(SOON)
        mischief.good()
        wait_for_stream(router, IDENTITY, "to be heard again",
                        lambda now: now["next_sequence"] == speaker.sequence)
        assert streams(router)[IDENTITY]["reconnects"] >= 1
        traffic.wait_for_more()

        # A new router reads the directory as it is.
        second = scenario.router()
        for worker in workers:
            wait_for_worker(second, worker, discovered=True, connected=True)
        expect_records(second)
        expect_records(router)
        traffic.wait_for_more()

    expect_equal(router, *workers)
    for worker in workers:
        stream = expect_whole(router, worker)
        assert stream["reconnects"] == 0 and stream["state"] == "in_sync"
        assert stream["endpoint"] == publisher(worker)["endpoint"]
    for program in (router, second, *workers):
        assert program.running()


def expect_counts(router, mischief):
    """Every bad message stands in its counter, and nothing else does."""
    def counted():
        return router.get("/counters")["receiver"]
    wait_for(lambda: mischief.expected.items() <= counted().items(), SOON,
             lambda: f"{mischief.expected}; it is {counted()}")
    stream = wait_for_stream(
        router, IDENTITY, "to be drained",
        lambda now: now["next_sequence"] == mischief.speaker.sequence)
    assert stream["unreadable"] == mischief.unreadable
    assert stream["missed"] == stream["duplicates"] == 0
    events = router.get("/counters")["events"]
    assert events["disagreeing"] == 2 * 2


def expect_records(router):
    """Every bad record is counted."""
    bad = 4 * len(bad_values("tcp://127.0.0.1:1"))
    wait_for(lambda: router.get("/counters")["discovery"]["bad_records"] >= bad,
             SOON, lambda: f"{bad} bad records; it is "
                           f"{router.get('/counters')['discovery']}")
