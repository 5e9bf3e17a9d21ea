#!/usr/bin/env python3
"""Writes the seeds of the fuzz targets from the golden data.

    make_corpus.py            rewrites tests/fuzz/corpus
    make_corpus.py --check    fails when the corpus is not what it would write

One seed per kind of message is enough: more would only repeat each other.
"""

import json
import pathlib
import random
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
VECTORS = HERE.parent / "data" / "vectors"
CORPUS = HERE / "corpus"
OPENAPI = HERE.parent.parent / "apps" / "router" / "openapi.json"
FRAME_HEADER_BYTES = 5
SEED_BYTES_MAX = 2048


def golden(name):
    return json.loads((VECTORS / name).read_text())


def slug(*words):
    text = "-".join(str(word) for word in words).lower()
    return re.sub(r"[^a-z0-9]+", "-", text).strip("-")[:80]


def joined_parts(parts):
    """Parts as frame_and_message_fuzz.cpp takes them apart."""
    return b"".join(len(part).to_bytes(2, "big") + part for part in parts)


def payload_of(envelope):
    """The bin behind the last key; envelopes of Dynamo end with it."""
    key = b"\xa7payload"
    at = envelope.index(key) + len(key)
    width = {0xC4: 1, 0xC5: 2, 0xC6: 4}[envelope[at]]
    return envelope[at + 1 + width:]


def wire_seeds():
    for entry in golden("envelopes.json"):
        name = slug("golden", entry["name"])
        yield "envelope", name, bytes.fromhex(entry["envelope_hex"])
        parts = map(bytes.fromhex, entry["zmq_direct_parts_hex"])
        yield "frame_and_message", name, joined_parts(list(parts))

    seen = set()
    for message in golden("captured.json")["messages"]:
        kind = (message["topic"], message["what"])
        if kind in seen:
            continue
        seen.add(kind)
        name = slug("captured", *kind)
        if "parts_hex" in message:
            parts = [bytes.fromhex(part) for part in message["parts_hex"]]
            envelope = parts[3][FRAME_HEADER_BYTES:]
            if message["topic"] == "kv-events":
                yield "frame_and_message", name, joined_parts(parts)
        else:
            envelope = bytes.fromhex(message["body_hex"])
        yield "envelope", name, envelope
        yield "kv_events", name, payload_of(envelope)


def body_seeds():
    """The examples of the router's OpenAPI document, and what is near them."""
    for path, methods in json.loads(OPENAPI.read_text())["paths"].items():
        for method, operation in methods.items():
            bodies = operation.get("requestBody", {}).get("content", {})
            for body in bodies.values():
                named = body.get("examples", {"": {"value": body.get("example")}})
                for name, example in named.items():
                    yield ("http_body", slug(method, path, name),
                           json.dumps(example["value"]).encode())
    yield "http_body", "path", b"/requests/a%2Fb/output_block"
    yield "http_body", "limit", b"100"
    yield "http_body", "twice", b'{"tokens":[1],"tok\\u0065ns":[2]}'


def index_seeds():
    """Steps as index_events_fuzz.cpp takes them apart, one for each way."""
    for way in (0, 1, 6):
        draw = random.Random(way)
        yield ("index_events", f"way-{way}",
               bytes([way]) + bytes(draw.randrange(256) for _ in range(140)))


def varint(value):
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(parts + [value])


def protobuf(*fields):
    """A message of (number, value): integers, or texts and messages."""
    text = b""
    for number, value in fields:
        if isinstance(value, int):
            text += varint(number << 3) + varint(value)
        else:
            text += varint(number << 3 | 2) + varint(len(value)) + value
    return text


def etcd_seeds():
    """Responses of etcd as they come in the body of a gRPC response."""
    header = (1, protobuf((1, 1 << 63), (2, 2), (3, 40), (4, 3)))
    channel = golden("discovery.json")["channels"][0]
    value = protobuf((1, channel["etcd_key"].encode()), (2, 7), (3, 40), (4, 1),
                     (5, channel["json"].encode()), (6, 2324035538477926154))
    gone = protobuf((1, channel["etcd_key"].encode()), (3, 41))
    messages = {
        "range": protobuf(header, (2, value), (2, gone), (3, 1), (4, 2)),
        "txn": protobuf(header, (2, 1),
                        (3, protobuf((1, protobuf(header, (2, value)))))),
        "lease": protobuf(header, (2, 2324035538477926154), (3, 30)),
        "token": protobuf(header, (2, b"CnJCQpuWvqfqYDSD.13")),
        "watch-created": protobuf(header, (3, 1)),
        "watch-canceled": protobuf(header, (3, 1), (4, 1), (5, 40),
                                   (6, b"required revision has been compacted")),
        "watch-events": protobuf(header, (11, protobuf((2, value))),
                                 (11, protobuf((1, 1), (2, gone)))),
    }
    frames = {name: b"\0" + len(message).to_bytes(4, "big") + message
              for name, message in messages.items()}
    for name, frame in frames.items():
        yield "etcd_messages", name, frame
    yield "etcd_messages", "watch", b"".join(
        frames[name] for name in ("watch-created", "watch-events"))


def zmtp_seeds():
    """What a subscriber of libzmq 4.3 says, and what ZMTP 3.1 has instead."""
    def frame(flags, body):
        return bytes([flags, len(body)]) + body

    def command(name, arguments):
        return frame(4, bytes([len(name)]) + name + arguments)

    opening = (b"\xff" + bytes(7) + b"\x01\x7f\x03\x01"
               + b"NULL".ljust(52, b"\0")
               + command(b"READY", b"\x0bSocket-Type\0\0\0\x03SUB"))
    yield "zmtp", "messages", (opening + frame(0, b"\x01kv")
                               + frame(0, b"\0kv") + frame(1, b"\x01a")
                               + frame(0, b"more"))
    yield "zmtp", "commands", (opening + command(b"SUBSCRIBE", b"kv")
                               + command(b"CANCEL", b"kv")
                               + command(b"PING", b"\0\x10ab"))


def seeds():
    yield from wire_seeds()
    yield from zmtp_seeds()
    yield from etcd_seeds()
    yield from index_seeds()
    yield from body_seeds()
    yield "frame_and_message", "five-parts", joined_parts([b"kv-events"] * 5)
    for target, file in (("kv_events", "payloads.json"),
                         ("kv_events", "sequence_states.json"),
                         ("engine_batch", "engine_batches.json")):
        for entry in golden(file):
            name = slug("golden", entry.get("topic", ""), entry["name"])
            yield target, name, bytes.fromhex(entry["hex"])
    for number, channel in enumerate(golden("discovery.json")["channels"]):
        yield "record_json", f"golden-{number:02}", channel["json"].encode()
    seen = set()
    for record in golden("captured.json")["records"]:
        if record["what"] not in seen:
            seen.add(record["what"])
            name = slug("captured", record["what"])
            yield "record_json", name, record["json"].encode()


def main():
    wanted = {}
    for target, name, seed in seeds():
        if len(seed) <= SEED_BYTES_MAX and (target, seed) not in (
                (path.parent.name, content) for path, content in wanted.items()):
            wanted[CORPUS / target / name] = seed
    present = {path: path.read_bytes()
               for path in CORPUS.glob("*/*") if path.is_file()}
    if "--check" in sys.argv:
        wrong = sorted(path for path in wanted.keys() | present.keys()
                       if wanted.get(path) != present.get(path))
        for path in wrong:
            print(f"{path.relative_to(HERE)}: not what make_corpus.py writes")
        return 1 if wrong else 0
    for path in present.keys() - wanted.keys():
        path.unlink()
    for path, seed in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(seed)
    print(f"{len(wanted)} seeds in {CORPUS}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
