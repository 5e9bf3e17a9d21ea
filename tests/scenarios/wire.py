"""The wire and the records as Dynamo has them, written without a line of ours.

The layouts are those of libdynamo_events/dynamo/wire and discovery; here they
are written a second time, on Debian's python3-msgpack and python3-zmq.
"""

import json
import os
import secrets
import struct
import threading
import time

import msgpack
import zmq

NAMESPACE, COMPONENT, ENDPOINT = "dynamo", "backend", "generate"
SCOPE = {"kind": "endpoint", "endpoint": {
    "namespace": NAMESPACE, "component": COMPONENT, "name": ENDPOINT}}
ENVELOPE_KEYS = ["publisher_id", "sequence", "published_at", "topic", "payload"]
TOUCH_SECONDS = 2


# -- messages ------------------------------------------------------------------


def frame(body):
    """Version 1, the length in four bytes, big-endian, and the envelope."""
    return b"\x01" + struct.pack(">I", len(body)) + body


def envelope(publisher_id, sequence, topic, payload):
    return msgpack.packb({
        "publisher_id": publisher_id, "sequence": sequence,
        "published_at": int(time.time() * 1000), "topic": topic,
        "payload": payload})


def message(publisher_id, sequence, topic, payload):
    """The four parts; `payload` is what msgpack makes of it."""
    body = envelope(publisher_id, sequence, topic, msgpack.packb(payload))
    return [topic.encode(), struct.pack(">Q", publisher_id),
            struct.pack(">Q", sequence), frame(body)]


def read_message(parts):
    """(envelope, payload) of four parts that are right in every respect."""
    assert len(parts) == 4
    topic, publisher, sequence, framed = parts
    assert framed[0] == 1
    (length,) = struct.unpack(">I", framed[1:5])
    assert len(framed) == 5 + length
    inside = msgpack.unpackb(framed[5:])
    assert list(inside) == ENVELOPE_KEYS
    assert inside["topic"].encode() == topic
    assert struct.pack(">Q", inside["publisher_id"]) == publisher
    assert struct.pack(">Q", inside["sequence"]) == sequence
    return inside, msgpack.unpackb(inside["payload"])


def stored(worker_id, event_id, parent, blocks, dp_rank=0):
    """A router event; `blocks` are pairs of block hash and tokens hash."""
    return {"worker_id": worker_id, "storage_tier": "device", "event": {
        "event_id": event_id, "data": {"stored": {
            "parent_hash": parent, "start_position": None, "blocks": [
                {"block_hash": name, "tokens_hash": local,
                 "mm_extra_info": None} for name, local in blocks]}},
        "dp_rank": dp_rank}}


def removed(worker_id, event_id, names, dp_rank=0):
    return {"worker_id": worker_id, "storage_tier": "device", "event": {
        "event_id": event_id, "data": {"removed": {"block_hashes": names}},
        "dp_rank": dp_rank}}


def cleared(worker_id, event_id, dp_rank=0):
    return {"worker_id": worker_id, "storage_tier": "device", "event": {
        "event_id": event_id, "data": "cleared", "dp_rank": dp_rank}}


# -- records -------------------------------------------------------------------


def file_name(key):
    return "".join(c if c.isascii() and c.isalnum() else
                   "".join(f"%{byte:02X}" for byte in c.encode()) for c in key)


def event_key(topic, publisher_id):
    return (f"namespace/{NAMESPACE}/component/{COMPONENT}/endpoint/{ENDPOINT}/"
            f"topic/{topic}/{publisher_id:x}")


def worker_key(worker_id):
    return f"{NAMESPACE}/{COMPONENT}/{ENDPOINT}/{worker_id:x}"


def channel(topic, publisher_id, endpoint):
    return {"type": "EventChannel", "scope": SCOPE, "topic": topic,
            "instance_id": publisher_id,
            "transport": {"kind": "Zmq", "config": {"endpoint": endpoint}}}


def source(topic, publisher_id, worker_id, dp_rank=0):
    return {"type": "EventSource", "scope": SCOPE, "topic": topic,
            "publisher_id": publisher_id, "metadata": {
                "kv_state_endpoint": SCOPE["endpoint"],
                "worker": {"worker_id": worker_id, "dp_rank": dp_rank},
                "publisher_id": publisher_id}}


def instance(worker_id, address):
    path = f"{worker_id:x}/{NAMESPACE}/{COMPONENT}/{ENDPOINT}"
    return {"type": "Endpoint", "component": COMPONENT, "endpoint": ENDPOINT,
            "namespace": NAMESPACE, "instance_id": worker_id,
            "transport": {"tcp": f"{address}/{path}"}}


def model(worker_id, dp_ranks=1):
    return {"type": "Model", "namespace": NAMESPACE, "component": COMPONENT,
            "endpoint": ENDPOINT, "instance_id": worker_id, "card_json": {
                "display_name": "m", "slug": "m", "kv_cache_block_size": 16,
                "runtime_config": {"total_kv_blocks": 1000,
                                   "data_parallel_start_rank": 0,
                                   "data_parallel_size": dp_ranks}}}


class Records:
    """Records of one process: made as Dynamo makes them, and touched in time.

    Whatever it has put is removed when the block ends.
    """

    def __init__(self, root):
        self.root = root
        self._paths = []
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._touch)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()
        for path in self._paths:
            path.unlink(missing_ok=True)

    def put(self, bucket, key, record):
        self.put_bytes(bucket, file_name(key),
                       json.dumps(record, separators=(",", ":")).encode())

    def put_bytes(self, bucket, name, content):
        directory = self.root / "v1" / bucket
        directory.mkdir(parents=True, exist_ok=True)
        finished = directory / f".tmp_{secrets.token_hex(8)}"
        finished.write_bytes(content)
        os.link(finished, directory / name)
        finished.unlink()
        with self._lock:
            self._paths.append(directory / name)

    def remove(self, bucket, key):
        path = self.root / "v1" / bucket / file_name(key)
        with self._lock:
            self._paths.remove(path)
        path.unlink()

    def _touch(self):
        while not self._over.wait(TOUCH_SECONDS):
            with self._lock:
                paths = list(self._paths)
            for path in paths:
                try:
                    os.utime(path, follow_symlinks=False)
                except FileNotFoundError:
                    pass


def read_records(root, bucket):
    """File name -> record, of all records in a bucket."""
    return {path.name: json.loads(path.read_bytes())
            for path in (root / "v1" / bucket).glob("[!.]*")}


# -- sockets -------------------------------------------------------------------


class Publisher:
    """A PUB socket that knows when somebody subscribes."""

    def __init__(self, context, topic, publisher_id):
        self.topic = topic
        self.publisher_id = publisher_id
        self.sequence = 0
        self.socket = context.socket(zmq.XPUB)
        self.socket.linger = 1000
        # Every subscription is told, also the second of the same topic.
        self.socket.setsockopt(zmq.XPUB_VERBOSE, 1)
        port = self.socket.bind_to_random_port("tcp://127.0.0.1")
        self.endpoint = f"tcp://127.0.0.1:{port}"

    def wait_for_subscriber(self, seconds):
        """The next one; those that go are told, too, and passed over."""
        deadline = time.monotonic() + seconds
        while True:
            left = int((deadline - time.monotonic()) * 1000)
            assert left > 0 and self.socket.poll(left), "nobody subscribed"
            if self.socket.recv() == b"\x01" + self.topic.encode():
                return

    def next_sequence(self):
        self.sequence += 1
        return self.sequence - 1

    def publish(self, payload):
        self.send(message(self.publisher_id, self.next_sequence(), self.topic,
                          payload))

    def send(self, parts):
        self.socket.send_multipart(parts)
