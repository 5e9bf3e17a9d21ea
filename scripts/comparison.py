"""Compares what a router believes with what workers hold.

Standard library only.
"""

import time


def blocks_of(rows):
    """[[block_hash, tokens_hash, parent or null], ...] as a set."""
    return {tuple(row) for row in rows}


def index_by_rank(router):
    """(worker_id, dp_rank) -> rank, of a router's /index."""
    return {(rank["worker_id"], rank["dp_rank"]): rank
            for rank in router.get("/index")["ranks"]}


def differences(router, workers):
    """Where the index of `router` and the caches of `workers` differ.

    The router is asked after the workers. Both must be at rest for the answer
    to mean anything. One dictionary for each rank that differs.
    """
    caches = [worker.get("/cache") for worker in workers]
    index = index_by_rank(router)
    found = []
    for cache in caches:
        for rank in cache["ranks"]:
            key = (cache["worker_id"], rank["dp_rank"])
            known = index.get(key, {"state": "unknown", "device": []})
            held = blocks_of(rank["blocks"])
            believed = blocks_of(known["device"])
            repeated = len(known["device"]) - len(believed)
            elsewhere = sum(len(known.get(tier, []))
                            for tier in ("host_pinned", "disk", "external"))
            # A worker counts its events from 1; 0 is that there were none.
            newest = known.get("last_event_id") or 0
            if (held == believed and repeated == 0 and elsewhere == 0 and
                    newest == rank["event_id"]):
                continue
            found.append({
                "worker_id": key[0], "dp_rank": key[1],
                "state": known["state"],
                "event_id": rank["event_id"], "indexed_event_id": newest,
                "held": len(held), "indexed": len(believed),
                "missing": len(held - believed),
                "surplus": len(believed - held) + repeated + elsewhere})
    return found


def wait_for_equal(router, workers, seconds=15):
    """Polls until the index equals the caches; the differences at the end."""
    deadline = time.monotonic() + seconds
    while True:
        found = differences(router, workers)
        if not found or time.monotonic() >= deadline:
            return found
        time.sleep(0.1)
