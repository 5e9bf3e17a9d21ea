"""One part of a real Dynamo deployment, told what to do on stdin.

Runs in a virtual environment that has ai-dynamo-runtime (scripts/interop.sh), as

    dynamo_process.py PART --plane zmq --store file:/tmp/store

PART is what it is: `kv` publishes KV-cache events of one worker, fed by an engine
stream of its own; `load` publishes kv_metrics; `passes` publishes forward passes
and `hear-passes` prints them; `router` is a KvRouter.

A line of stdin is a JSON array, the name of an order and its arguments by name:
["stored", {"names": [1, 2], "tokens": [...]}]. Each gets one line in return,
{"event": "done", "order": ..., ...} or {"event": "failed", ...}. The process says
{"event": "started"} first, and ends when stdin does or on SIGTERM.
"""

import argparse
import asyncio
import json
import os
import signal
import struct
import sys
import threading
import time

import msgpack
import zmq


def tell(event, **fields):
    sys.stdout.write(json.dumps({"event": event, **fields}) + "\n")
    sys.stdout.flush()


class Orders:
    """What comes in on stdin, one order after the other."""

    def __init__(self):
        self._loop = asyncio.get_running_loop()
        self._lines = asyncio.Queue()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._lines.put_nowait, "")
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        with os.fdopen(os.dup(0), encoding="utf-8") as lines:
            for line in lines:
                self._loop.call_soon_threadsafe(self._lines.put_nowait, line)
        self._loop.call_soon_threadsafe(self._lines.put_nowait, "")

    async def obey(self, part):
        """Calls the coroutine of `part` that an order names, until the end."""
        while line := await self._lines.get():
            order, arguments = json.loads(line)
            try:
                found = await getattr(part, order)(**arguments)
                tell("done", order=order, **(found or {}))
            except Exception as reason:  # noqa: BLE001 - told to the test
                tell("failed", order=order, reason=repr(reason))


class EngineStream:
    """What vLLM would send of one rank; the publisher in Dynamo subscribes."""

    def __init__(self, rank, block_size):
        self.rank = rank
        self.block_size = block_size
        self._number = 0
        self._socket = zmq.Context.instance().socket(zmq.XPUB)
        port = self._socket.bind_to_random_port("tcp://127.0.0.1")
        self.address = f"tcp://127.0.0.1:{port}"

    async def followed(self):
        while not self._socket.poll(0):
            await asyncio.sleep(0.01)
        self._socket.recv()

    def send(self, *events):
        batch = msgpack.packb([time.time(), list(events), self.rank])
        number = struct.pack(">Q", self._number)
        self._number += 1
        self._socket.send_multipart([b"", number, batch])


class Kv:
    """One worker with some ranks, of which each has a publisher."""

    def __init__(self, endpoint, given):
        from dynamo.llm import KvEventPublisher
        self.worker_id = given.worker or endpoint.connection_id()
        self._streams = [EngineStream(rank, given.block_size)
                         for rank in range(given.ranks)]
        self._publishers = [
            KvEventPublisher(endpoint, worker_id=self.worker_id,
                             kv_block_size=given.block_size, dp_rank=each.rank,
                             # 1.3 publishes through JetStream without one.
                             enable_local_indexer=given.recoverable,
                             zmq_endpoint=each.address, zmq_topic="")
            for each in self._streams]

    async def begin(self):
        for stream in self._streams:
            await stream.followed()
        return {"worker_id": self.worker_id}

    async def stored(self, names, tokens, parent=None, rank=0, tier="GPU",
                     lora=None, salt=None):
        stream = self._streams[rank]
        event = {"type": "BlockStored", "block_hashes": names,
                 "parent_block_hash": parent, "token_ids": tokens,
                 "block_size": stream.block_size, "lora_id": None,
                 "lora_name": lora, "medium": tier}
        if salt:
            event["cache_salt"] = salt
        stream.send(event)

    async def removed(self, names, rank=0, tier="GPU"):
        self._streams[rank].send({"type": "BlockRemoved",
                                  "block_hashes": names, "medium": tier})

    async def cleared(self, rank=0):
        self._streams[rank].send({"type": "AllBlocksCleared"})

    def end(self):
        for publisher in self._publishers:
            publisher.shutdown()


class Load:
    """Publishes kv_metrics; the worker id is that of the process."""

    def __init__(self, endpoint, given):
        from dynamo.llm import WorkerMetricsPublisher
        self._endpoint = endpoint
        self._publisher = WorkerMetricsPublisher()

    async def begin(self):
        await self._publisher.create_endpoint(self._endpoint)
        return {"worker_id": self._endpoint.connection_id()}

    async def load(self, decode_blocks, used_blocks, rank=0):
        self._publisher.publish(rank, decode_blocks, used_blocks)

    def end(self):
        pass


PASS_FIELDS = [f"{state}_{figure}"
               for state, figures in {
                   "scheduled": ("num_prefill_requests", "sum_prefill_tokens",
                                 "sum_prefill_kv_tokens",
                                 "num_decode_requests", "sum_decode_kv_tokens"),
                   "queued": ("num_prefill_requests", "sum_prefill_tokens",
                              "num_decode_requests", "sum_decode_kv_tokens"),
               }.items() for figure in figures]


class Passes:
    """Publishes forward passes; Dynamo repeats the last as a heartbeat."""

    def __init__(self, endpoint, given):
        from dynamo.llm import FpmDirectPublisher
        self.worker_id = given.worker or endpoint.connection_id()
        self._publisher = FpmDirectPublisher(endpoint, str(self.worker_id),
                                             given.ranks)

    async def begin(self):
        return {"worker_id": self.worker_id}

    async def ran(self, rank=0, seconds=0.01, **figures):
        self._publisher.publish(
            dp_rank=rank, wall_time_secs=seconds,
            **(dict.fromkeys(PASS_FIELDS, 0) | figures))

    def end(self):
        self._publisher.shutdown()


class HearPasses:
    """Prints every forward pass that arrives."""

    def __init__(self, endpoint, given):
        from dynamo.llm import FpmEventSubscriber
        self._subscriber = FpmEventSubscriber(endpoint)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while (payload := self._subscriber.recv()) is not None:
            tell("pass", value=msgpack.unpackb(payload, strict_map_key=False))

    async def begin(self):
        return {}

    def end(self):
        self._subscriber.shutdown()


class Router:
    """A KvRouter, asked what it knows and told of requests."""

    def __init__(self, endpoint, given):
        from dynamo.llm import KvRouter, KvRouterConfig
        config = KvRouterConfig(router_replica_sync=given.replica_sync)
        self._router = KvRouter(endpoint, given.block_size, config)

    async def begin(self):
        return {}

    async def overlap(self, tokens, lora=None, salt=None):
        more = {"cache_namespace": salt} if salt else {}
        found = await self._router.get_overlap_scores(tokens, lora_name=lora,
                                                      **more)
        return {"workers": found["workers"]}

    async def held(self):
        """[worker, rank, tier, name] of every block."""
        rows = []
        for each in json.loads(await self._router.dump_events()):
            event = each["event"]
            rows += [[each["worker_id"], event["dp_rank"],
                      each["storage_tier"], block["block_hash"]]
                     for block in event["data"]["stored"]["blocks"]]
        return {"blocks": rows}

    async def hashes(self, tokens, block_size):
        from dynamo.llm import compute_block_hash_for_seq
        return {"local": compute_block_hash_for_seq(tokens, block_size)}

    async def loads(self, tokens):
        return {"workers": await self._router.get_potential_loads(tokens)}

    async def route(self, tokens, request_id):
        worker, rank, blocks = await self._router.best_worker(
            tokens, request_id=request_id)
        return {"worker_id": worker, "dp_rank": rank, "overlap": blocks}

    async def prefilled(self, request_id):
        await self._router.mark_prefill_complete(request_id)

    async def freed(self, request_id):
        await self._router.free(request_id)

    def end(self):
        pass


PARTS = {"kv": Kv, "load": Load, "passes": Passes, "hear-passes": HearPasses,
         "router": Router}


def arguments_of():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--plane", choices=("zmq", "nats"), required=True)
    parser.add_argument("--store", required=True,
                        help="file:DIRECTORY, etcd:URL, or kubernetes: "
                             "with a pod's environment")
    parser.add_argument("--nats", help="URL of the server")
    parser.add_argument("--block-size", type=int, default=16)
    parser.add_argument("--worker", type=int, help="its id")
    parser.add_argument("--ranks", type=int, default=1)
    parser.add_argument("--recoverable", action="store_true")
    parser.add_argument("--replica-sync", action="store_true")
    return parser.parse_args()


def choose(given):
    """Dynamo reads its choices from the environment."""
    kind, place = given.store.split(":", 1)
    os.environ |= {"DYN_EVENT_PLANE": given.plane,
                   "DYN_DISCOVERY_BACKEND": kind,
                   "DYN_EVENT_PLANE_HOST": "127.0.0.1"}
    if kind != "kubernetes":
        os.environ["DYN_FILE_KV" if kind == "file"
                   else "ETCD_ENDPOINTS"] = place
    if given.nats:
        os.environ["NATS_SERVER"] = given.nats
    return kind


async def run(given):
    kind = choose(given)
    from dynamo.runtime import DistributedRuntime
    runtime = DistributedRuntime(asyncio.get_running_loop(), kind, "tcp",
                                 event_plane=given.plane)
    orders = Orders()
    endpoint = runtime.endpoint("dynamo.backend.generate")
    part = PARTS[given.part](endpoint, given)
    tell("started", part=given.part, **await part.begin())
    await orders.obey(part)
    part.end()
    runtime.shutdown()
    # The records are withdrawn by a task of the runtime.
    await asyncio.sleep(0.5)


if __name__ == "__main__":
    asyncio.run(run(arguments_of()))
