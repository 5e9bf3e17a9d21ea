"""Routers that predict what caches hold from their own decisions."""

from cluster import request, wait_for
from scenario import HERE, SOON, streams

PREDICTING = {"router.prediction.ttl_ms": 1500}


def predicting_router(scenario, settings):
    router = scenario.start("dynamo-router", "--no-kv-events",
                            config=HERE / "router.jsonc", settings=settings)
    wait_for(router.ready, SOON, f"{router} to be ready")
    return router


def route(router, request_id, blocks):
    answer = router.post("/route", {"request_id": request_id,
                                    "block_hashes": blocks,
                                    "input_tokens": 16 * len(blocks)})
    request(router.address, "DELETE", f"/requests/{request_id}")
    return answer


def wait_for_workers(router, count):
    wait_for(lambda: len(router.get("/workers")["workers"]) == count, SOON,
             f"{router} to see {count} workers")


def test_a_request_goes_where_its_prefix_went(scenario):
    router = predicting_router(scenario, PREDICTING)
    for _ in range(3):
        scenario.worker()
    wait_for_workers(router, 3)
    first = route(router, "a", [1, 2, 3, 4])
    assert first["overlap_blocks"] == 0
    for number in range(5):
        again = route(router, f"b{number}", [1, 2, 3, 4, 5])
        assert again["worker_id"] == first["worker_id"]
        assert again["overlap_blocks"] >= 4
    assert router.get("/streams")["subscriptions"] == []


def test_a_prediction_ends_after_its_last_use(scenario):
    router = predicting_router(scenario, PREDICTING)
    scenario.worker()
    wait_for_workers(router, 1)
    route(router, "a", [1, 2, 3])

    def believed():
        scores = router.post("/overlap", {"block_hashes": [1, 2, 3]})["scores"]
        return max((each["device"] for each in scores), default=0)
    assert believed() == 3
    wait_for(lambda: believed() == 0, SOON, "the prediction to end")


def test_the_predicted_tree_is_pruned(scenario):
    router = predicting_router(scenario, {
        "router.prediction.tree_size_max": 100,
        "router.prediction.prune_target_ratio": 0.5})
    scenario.worker()
    wait_for_workers(router, 1)
    for number in range(60):
        route(router, f"r{number}", [number * 10 + i for i in range(10)])
        held = sum(len(rank["device"]) for rank in router.get("/index")["ranks"])
        assert held <= 100, held
    assert held >= 50
    # What was used last is still there.
    assert route(router, "last", [590 + i for i in range(10)])[
        "overlap_blocks"] == 10


def test_prediction_beside_events_fills_the_time_until_they_come(scenario):
    settings = {"router.prediction.beside_events_ttl_ms": 60_000}
    router = scenario.router(settings)
    worker = scenario.worker()
    wait_for_workers(router, 1)
    # Nothing was generated, so no event will ever say so.
    assert route(router, "a", [1, 2, 3])["overlap_blocks"] == 0
    assert route(router, "b", [1, 2, 3])["overlap_blocks"] == 3
    # And events count as ever.
    local = scenario.generate(worker, 4)
    wait_for(lambda: route(router, "c", local)["overlap_blocks"] == 4, SOON,
             "the worker's own events")
    assert streams(router)
