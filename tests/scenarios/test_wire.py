"""Peers that share no code with us: Python's msgpack and ZMQ on the wire."""

import time

import msgpack
import pytest
import wire
import zmq

from cluster import wait_for
from scenario import (SOON, held_blocks, publisher, quiet_publisher,
                      wait_for_stream)

TOPIC = "kv-events"
OUR_WORKER = 7
OUR_PUBLISHER = 0x1F00BA4

EVENT_KEYS = ["worker_id", "storage_tier", "residency_domain", "event"]
STORED_KEYS = ["parent_hash", "start_position", "blocks"]
BLOCK_KEYS = ["block_hash", "tokens_hash", "mm_extra_info"]
LOAD_KEYS = ["worker_id", "dp_rank", "active_decode_blocks",
             "active_prefill_tokens", "kv_used_blocks"]


@pytest.fixture
def context():
    with zmq.Context() as made:
        yield made
        made.destroy(linger=0)


# -- listening -----------------------------------------------------------------


def channel_of(scenario, topic):
    """The only channel of a topic, as its record has it."""
    found = {name: record for name, record in
             wire.read_records(scenario.discovery, "event_channels").items()
             if record["topic"] == topic}
    assert len(found) == 1
    (name, record), = found.items()
    assert name == wire.file_name(wire.event_key(topic, record["instance_id"]))
    assert list(record) == ["type", "scope", "topic", "instance_id",
                            "transport"]
    assert record["scope"] == wire.SCOPE
    return record


def listen(context, record):
    socket = context.socket(zmq.SUB)
    socket.linger = 0
    socket.subscribe(record["topic"])
    socket.connect(record["transport"]["config"]["endpoint"])
    return socket


class Cache:
    """What a worker holds, told by its events."""

    def __init__(self):
        self.blocks = {}
        self.event_id = 0

    def apply(self, event, worker_id):
        assert list(event) == EVENT_KEYS
        assert event["worker_id"] == worker_id
        assert event["storage_tier"] == "device"
        assert event["residency_domain"] == "worker"
        inner = event["event"]
        assert list(inner) == ["event_id", "data", "dp_rank"]
        assert inner["event_id"] == self.event_id + 1 and inner["dp_rank"] == 0
        self.event_id += 1
        (kind, data), = inner["data"].items()
        if kind == "removed":
            for name in data["block_hashes"]:
                del self.blocks[name]
            return
        assert kind == "stored" and list(data) == STORED_KEYS
        parent = data["parent_hash"]
        assert parent is None or parent in self.blocks
        for block in data["blocks"]:
            assert list(block) == BLOCK_KEYS and block["mm_extra_info"] is None
            self.blocks[block["block_hash"]] = (block["tokens_hash"], parent)
            parent = block["block_hash"]

    def rows(self):
        return {(name, *rest) for name, rest in self.blocks.items()}


def test_a_plain_subscriber_can_follow_a_worker(scenario, context):
    worker = scenario.worker()
    record = channel_of(scenario, TOPIC)
    socket = listen(context, record)
    # Shared prefixes, and more than the cache holds, so that blocks go.
    prefix = scenario.generate(worker)
    for _ in range(40):
        scenario.generate(worker, blocks=6, prefix=prefix)
        scenario.generate(worker, blocks=6)

    cache = Cache()
    sequence = 0
    last = quiet_publisher(worker)["sequence"]
    while sequence < last:
        assert socket.poll(SOON * 1000), f"no message {sequence} of {last}"
        inside, events = wire.read_message(socket.recv_multipart())
        assert inside["publisher_id"] == record["instance_id"]
        assert inside["sequence"] == sequence
        assert abs(inside["published_at"] / 1000 - time.time()) < 60
        assert 1 <= len(events) <= 128
        for event in events:
            cache.apply(event, worker.worker_id)
        sequence += 1
    assert cache.rows() == held_blocks(worker)
    assert cache.event_id > 80 and len(cache.blocks) > 200


def test_a_plain_subscriber_hears_of_load(scenario, context):
    worker = scenario.worker({"worker.load_interval_ms": 50})
    record = channel_of(scenario, "kv_metrics")
    socket = listen(context, record)
    assert socket.poll(SOON * 1000)
    inside, load = wire.read_message(socket.recv_multipart())
    assert inside["publisher_id"] == record["instance_id"]
    assert list(load) == LOAD_KEYS
    assert load["worker_id"] == worker.worker_id and load["dp_rank"] == 0
    assert load["kv_used_blocks"] == 0


def test_a_worker_describes_its_publisher_and_itself(scenario):
    worker = scenario.worker()
    told = publisher(worker)
    sources = wire.read_records(scenario.discovery, "event_sources")
    assert sources == {
        wire.file_name(wire.event_key(TOPIC, told["publisher_id"])):
        wire.source(TOPIC, told["publisher_id"], worker.worker_id)}
    name = wire.file_name(wire.worker_key(worker.worker_id))
    assert wire.read_records(scenario.discovery, "instances") == {
        name: wire.instance(worker.worker_id, worker.address)}
    (card,) = wire.read_records(scenario.discovery, "mdc").values()
    assert card["instance_id"] == worker.worker_id
    assert card["card_json"]["kv_cache_block_size"] == 16
    assert card["card_json"]["runtime_config"]["data_parallel_size"] == 1


# -- speaking ------------------------------------------------------------------


def put_worker(records, speaker, worker_id=OUR_WORKER):
    number = speaker.publisher_id
    records.put("event_channels", wire.event_key(TOPIC, number),
                wire.channel(TOPIC, number, speaker.endpoint))
    records.put("event_sources", wire.event_key(TOPIC, number),
                wire.source(TOPIC, number, worker_id))
    records.put("mdc", wire.worker_key(worker_id), wire.model(worker_id))
    records.put("instances", wire.worker_key(worker_id),
                wire.instance(worker_id, "127.0.0.1:9"))


def device_of(router, worker_id=OUR_WORKER):
    for rank in router.get("/index")["ranks"]:
        if rank["worker_id"] == worker_id:
            return {tuple(row) for row in rank["device"]}
    return set()


def expect_device(router, rows):
    wait_for(lambda: device_of(router) == rows, SOON,
             lambda: f"blocks {rows}; there are {device_of(router)}")


def test_a_plain_publisher_is_indexed_by_the_router(scenario, context):
    router = scenario.router()
    with wire.Records(scenario.discovery) as records:
        speaker = wire.Publisher(context, TOPIC, OUR_PUBLISHER)
        put_worker(records, speaker)
        speaker.wait_for_subscriber(SOON)
        router.wait_for_event("worker_joined", SOON, worker_id=OUR_WORKER)

        speaker.publish([
            wire.stored(OUR_WORKER, 1, None, [(101, 1), (102, 2)]),
            wire.stored(OUR_WORKER, 2, 102, [(103, 3), (2**64 - 1, 4)])])
        rows = {(101, 1, None), (102, 2, 101), (103, 3, 102),
                (2**64 - 1, 4, 103)}
        expect_device(router, rows)
        assert router.post("/overlap", {"block_hashes": [1, 2, 3, 9]}) == {
            "scores": [{"worker_id": OUR_WORKER, "dp_rank": 0, "device": 3,
                        "host": 3, "disk": 3}]}
        answer = router.post("/route", {
            "request_id": "r", "block_hashes": [1, 2, 3, 4],
            "input_tokens": 70})
        assert (answer["worker_id"], answer["dp_rank"]) == (OUR_WORKER, 0)
        assert answer["overlap_blocks"] == 4
        assert answer["endpoint"] == "http://127.0.0.1:9"

        speaker.publish([wire.removed(OUR_WORKER, 3, [2**64 - 1, 103])])
        expect_device(router, {(101, 1, None), (102, 2, 101)})
        speaker.publish([wire.cleared(OUR_WORKER, 4)])
        expect_device(router, set())
        stream = wait_for_stream(router, OUR_PUBLISHER, "to have 3 messages",
                                 lambda now: now["received"] == 3)
        assert stream["state"] == "in_sync" and stream["unreadable"] == 0

        records.remove("instances", wire.worker_key(OUR_WORKER))
        router.wait_for_event("worker_left", SOON, worker_id=OUR_WORKER)


def test_other_spellings_of_the_same_are_understood(scenario, context):
    router = scenario.router()
    with wire.Records(scenario.discovery) as records:
        speaker = wire.Publisher(context, TOPIC, OUR_PUBLISHER)
        put_worker(records, speaker)
        speaker.wait_for_subscriber(SOON)

        def send(event, keys, extra=b""):
            """An envelope with its keys in another order, and more in it."""
            sequence = speaker.next_sequence()
            whole = msgpack.unpackb(wire.envelope(
                OUR_PUBLISHER, sequence, TOPIC, msgpack.packb(event)))
            body = msgpack.packb({"unknown": [1, {"a": None}]} |
                                 {key: whole[key] for key in keys})
            parts = wire.message(OUR_PUBLISHER, sequence, TOPIC, None)
            speaker.send(parts[:3] + [wire.frame(body) + extra])

        first = wire.stored(OUR_WORKER, 1, None, [(101, 1)])
        del first["storage_tier"], first["event"]["dp_rank"]
        first["unknown"] = "member"
        send([first], reversed(wire.ENVELOPE_KEYS))
        # What follows a frame is not part of it.
        send([wire.stored(OUR_WORKER, 2, 101, [(102, 2)])], wire.ENVELOPE_KEYS,
             extra=b"behind the frame")
        # One event without an array: the generation before.
        send(wire.stored(OUR_WORKER, 3, 102, [(103, 3)]), wire.ENVELOPE_KEYS)
        send([], wire.ENVELOPE_KEYS)
        expect_device(router, {(101, 1, None), (102, 2, 101), (103, 3, 102)})
        stream = wait_for_stream(router, OUR_PUBLISHER, "to have 4 messages",
                                 lambda now: now["received"] == 4)
        assert stream["unreadable"] == stream["missed"] == 0
