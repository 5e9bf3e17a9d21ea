"""Prompts are computed by one pool and continued by another."""

from cluster import request, wait_for
from scenario import SOON, on_both

POOLS = {"router.pools.prefill_component": "prefill"}
PREFILL = {"component": "prefill"}


def route(router, request_id, blocks):
    return router.post("/route", {"request_id": request_id,
                                  "block_hashes": blocks,
                                  "input_tokens": 16 * len(blocks)})


def loads(router):
    """worker -> requests in progress."""
    return {worker["worker_id"]: worker["active_requests"]
            for worker in router.get("/workers")["workers"]}


def members(router):
    return {worker["worker_id"]: worker["pool"]
            for worker in router.get("/workers")["workers"]
            if worker["discovered"]}


def wait_for_members(router, **pools):
    """Until each pool has so many members."""
    def there():
        now = list(members(router).values())
        return all(now.count(pool) == count for pool, count in pools.items())
    wait_for(there, SOON, lambda: f"members {pools}; there are "
                                  f"{members(router)}")


@on_both
def test_a_request_runs_in_both_pools_and_is_booked_in_both(scenario):
    router = scenario.router(POOLS)
    prefill = [scenario.worker(PREFILL) for _ in range(2)]
    decode = [scenario.worker() for _ in range(2)]
    wait_for_members(router, prefill=2, decode=2)
    # One prefill worker has the prefix.
    local = scenario.generate(prefill[1], 4)
    wait_for(lambda: any(
        score["device"] == 4 for score in router.post(
            "/overlap", {"block_hashes": local})["scores"]), SOON,
        "the prefix to be known")

    answer = route(router, "a", local)
    assert answer["mode"] == "disaggregated"
    assert answer["prefill"]["worker_id"] == prefill[1].worker_id
    assert answer["prefill"]["overlap_blocks"] == 4
    assert answer["decode"]["worker_id"] in {w.worker_id for w in decode}
    assert answer["worker_id"] == answer["decode"]["worker_id"]
    assert loads(router)[answer["prefill"]["worker_id"]] == 1
    assert loads(router)[answer["decode"]["worker_id"]] == 1

    # The next one's decode worker is the other one, by load.
    second = route(router, "b", [91, 92, 93])
    assert second["decode"]["worker_id"] != answer["decode"]["worker_id"]

    router.post("/requests/a/prefill_completed", {})
    assert loads(router)[answer["decode"]["worker_id"]] == 1
    for name in ("a", "b"):
        request(router.address, "DELETE", f"/requests/{name}")
    assert set(loads(router).values()) == {0}


def test_an_empty_pool_is_said_and_forgotten_when_it_is_back(scenario):
    router = scenario.router(POOLS)
    decode = scenario.worker()
    wait_for_members(router, decode=1, prefill=0)
    answer = route(router, "a", [1, 2])
    assert answer["mode"] == "decode_only"
    assert answer["worker_id"] == decode.worker_id
    assert "prefill pool is empty" in answer["fallback"]
    assert "prefill" not in answer

    prefill = scenario.worker(PREFILL)
    wait_for_members(router, decode=1, prefill=1)
    answer = route(router, "b", [1, 2])
    assert answer["mode"] == "disaggregated"
    assert "fallback" not in answer

    decode.terminate()
    wait_for_members(router, decode=0, prefill=1)
    answer = route(router, "c", [1, 2])
    assert answer["mode"] == "prefill_only"
    assert answer["worker_id"] == prefill.worker_id
    assert "decode pool is empty" in answer["fallback"]
    # It goes on generating there after its prompt is computed.
    router.post("/requests/c/prefill_completed", {})
    assert loads(router)[prefill.worker_id] >= 1
    request(router.address, "DELETE", "/requests/c")

    back = scenario.worker()
    wait_for_members(router, decode=1, prefill=1)
    answer = route(router, "d", [1, 2])
    assert answer["mode"] == "disaggregated"
    assert answer["decode"]["worker_id"] == back.worker_id
