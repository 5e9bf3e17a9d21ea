"""The records that make a worker a member for a router of Dynamo.

A publisher of Dynamo alone is no worker: a router follows it when an Endpoint
and a Model record name its worker id. An engine of Dynamo would register both.
"""

import json
import os
import pathlib
import secrets
import threading

KEEP_ALIVE_SECONDS = 3
NAMES = {"namespace": "dynamo", "component": "backend", "endpoint": "generate"}


def endpoint_record(worker_id):
    path = f"{worker_id:x}/dynamo/backend/generate"
    return {"type": "Endpoint", "component": "backend", "endpoint": "generate",
            "namespace": "dynamo", "instance_id": worker_id,
            "transport": {"tcp": f"127.0.0.1:9/{path}"}}


def model_record(worker_id, ranks, block_size):
    card = {"display_name": "meeting", "slug": "meeting", "model_info": None,
            "tokenizer": None, "context_length": 0,
            "kv_cache_block_size": block_size, "migration_limit": 0,
            "model_type": "Chat", "model_input": "Tokens",
            "worker_type": "aggregated", "needs": [],
            "runtime_config": {"total_kv_blocks": 4096, "max_num_seqs": None,
                               "max_num_batched_tokens": 8192,
                               "data_parallel_start_rank": 0,
                               "data_parallel_size": ranks,
                               "enable_local_indexer": False,
                               "enable_eagle": False}}
    return {"type": "Model", **NAMES, "instance_id": worker_id,
            "card_json": card}


def file_name(key):
    """Every byte but letters and digits as %XX, as Dynamo names files."""
    return "".join(chr(byte) if chr(byte).isascii() and chr(byte).isalnum()
                   else f"%{byte:02X}" for byte in key.encode())


class Membership:
    """Worker ids that are members of the cluster, until `close`."""

    def __init__(self, meeting, block_size=16):
        self._meeting = meeting
        self._block_size = block_size
        self._paths = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep_alive, daemon=True)
        self._thread.start()

    def join(self, worker_id, ranks=1):
        key = f"dynamo/backend/generate/{worker_id:x}"
        self._paths[worker_id] = [
            self._put("v1/instances", key, endpoint_record(worker_id)),
            self._put("v1/mdc", key,
                      model_record(worker_id, ranks, self._block_size))]

    def leave(self, worker_id):
        for where in self._paths.pop(worker_id):
            if self._meeting.store == "etcd":
                self._meeting.etcd.delete(where)
            else:
                where.unlink(missing_ok=True)

    def close(self):
        self._over.set()
        self._thread.join()
        for worker_id in list(self._paths):
            self.leave(worker_id)

    def _put(self, bucket, key, record):
        text = json.dumps(record, separators=(",", ":"))
        if self._meeting.store == "etcd":
            self._meeting.etcd.put(f"{bucket}/{key}", text)
            return f"{bucket}/{key}"
        folder = pathlib.Path(self._meeting.discovery) / bucket
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / f".tmp_{secrets.token_hex(8)}"
        unfinished.write_text(text, encoding="utf-8")
        target = folder / file_name(key)
        unfinished.rename(target)
        return target

    def _keep_alive(self):
        while not self._over.wait(KEEP_ALIVE_SECONDS):
            if self._meeting.store == "file":
                for path in [path for paths in list(self._paths.values())
                             for path in paths]:
                    if path.exists():
                        os.utime(path)
