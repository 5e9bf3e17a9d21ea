"""The router's HTTP API is what its OpenAPI document says."""

import http.client
import json
import urllib.parse

import pytest

from scenario import SOON, expect_equal

BLOCK = 16
from router_api import Api, api, document, tokens  # noqa: F401


def test_the_document_and_its_examples_are_right(document):
    document.check_itself()


def test_the_document_is_served_as_it_stands_in_the_source(api, document):
    assert api.call("GET", "/openapi.json") == document.document


def test_every_path_that_is_served_is_described_and_the_other_way_round(
        api, document):
    served = {(each["method"], each["path"])
              for each in api.call("GET", "/")["paths"]}
    described = {(method, path) for path, method, _ in document.operations()}
    assert served == described


def test_every_example_works(api, document):
    for path, method, operation in document.operations():
        target = path
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "query":
                target += f"?{parameter['name']}={parameter['example']}"
        examples = list(document.examples(method, path)) or [("none", None)]
        for name, example in examples:
            if "{id}" in target:
                # Of whatever these are about, there has to be something.
                api.call("POST", "/route", {"request_id": "request-1",
                                            "tokens": tokens(2)})
            answer = api.call(method, target.replace("{id}", "request-1"),
                              example)
            assert answer is not None, (method, path, name)
            if path == "/route":
                answer = api.send("DELETE", f"/requests/{answer['request_id']}")
                assert answer[0] == (404 if example.get("only_ask") else 200)
        api.send("DELETE", "/requests/request-1")


# -- answers ----------------------------------------------------------------------


def test_the_life_of_a_request(api, scenario):
    local = scenario.generate(api.worker, blocks=4)
    expect_equal(api.router, api.worker)
    asked = {"request_id": "life/1 ü", "block_hashes": local,
             "input_tokens": BLOCK * 4 + 3, "expected_output_tokens": 64}
    chosen = api.call("POST", "/route", asked)
    assert chosen["worker_id"] == api.worker.worker_id
    assert chosen["endpoint"] == f"http://{api.worker.address}"
    assert chosen["mode"] == "aggregated"
    assert (chosen["overlap_blocks"], chosen["request_blocks"]) == (4, 4)

    def shown():
        return [row for row in api.call("GET", "/requests")["requests"]
                if row["request_id"] == asked["request_id"]]
    (row,) = shown()
    assert row["own"] and not row["prefill_completed"]
    assert row["blocks"] == 4 and row["expected_output_tokens"] == 64
    place = "/requests/" + urllib.parse.quote(asked["request_id"], safe="")
    assert api.call("POST", f"{place}/prefill_completed") == {}
    assert shown()[0]["prefill_completed"]
    assert api.call("POST", f"{place}/output_block") == {}
    assert api.call("POST", f"{place}/output_block", {"progress": 0.5}) == {}
    assert api.call("DELETE", place) == {}
    assert shown() == []
    api.refuse("DELETE", place, None, 404, "not_found")


def test_a_question_books_nothing_and_explains_itself(api):
    asked = {"request_id": "question", "tokens": tokens(2), "only_ask": True}
    answer = api.call("POST", "/route?explain=1", asked)
    (candidate,) = answer["explanation"]
    assert candidate["excluded"] is None
    assert candidate["cost"]["total"] == pytest.approx(answer["cost"])
    assert candidate["cost"]["raw_prefill_blocks"] == pytest.approx(2)
    assert "explanation" not in api.call("POST", "/route", asked)
    assert api.call("GET", "/requests")["total"] == 0


def test_wishes_change_the_answer(api):
    def route(**more):
        return api.call("POST", "/route?explain=1", {
            "request_id": "wishes", "tokens": tokens(4), "only_ask": True,
            **more})
    plain = route()["explanation"][0]["cost"]
    double = route(overrides={"prefill_load_scale": 2})["explanation"][0]["cost"]
    assert double["prefill_blocks"] == pytest.approx(2 * plain["prefill_blocks"])
    free = route(overrides={"track_prefill_tokens": False})
    assert free["explanation"][0]["cost"]["prefill_blocks"] == 0
    liked = route(preferred_taints={"nobody-has-it": 1})
    assert liked["explanation"][0]["cost"]["taint_factor"] == 1
    shared = route(shared_blocks=2, overrides={"shared_cache_multiplier": 1})
    assert shared["explanation"][0]["cost"]["credit"] == pytest.approx(2)


def test_two_pools_are_shown_apart(scenario, document):
    decode = scenario.worker()
    router = scenario.router({"router.pools.prefill_component": "prefill"})
    api = Api(router, document)
    router.wait_for_event("worker_joined", SOON, worker_id=decode.worker_id)
    asked = {"request_id": "pools", "tokens": tokens(4)}
    alone = api.call("POST", "/route", asked)
    assert alone["mode"] == "decode_only" and alone["fallback"]
    api.call("DELETE", "/requests/pools")

    prefill = scenario.worker({"component": "prefill"})
    router.wait_for_event("worker_joined", SOON, worker_id=prefill.worker_id)
    both = api.call("POST", "/route?explain=1", asked)
    assert both["mode"] == "disaggregated" and "fallback" not in both
    assert both["worker_id"] == both["decode"]["worker_id"] == decode.worker_id
    assert both["prefill"]["worker_id"] == prefill.worker_id
    for choice in (both["prefill"], both["decode"]):
        assert [row["worker_id"] for row in choice["explanation"]] == [
            choice["worker_id"]]
    workers = api.call("GET", "/workers")["workers"]
    assert {(each["worker_id"], each["pool"]) for each in workers} == {
        (decode.worker_id, "decode"), (prefill.worker_id, "prefill")}
    assert api.call("GET", "/requests")["total"] == 2
    metrics = api.call("GET", "/metrics").splitlines()
    for kind in ("decode", "prefill"):
        assert f'dynamo_events_router_members{{worker_type="{kind}"}} 1' \
            in metrics
    api.call("POST", "/requests/pools/prefill_completed")
    assert api.call("GET", "/requests")["total"] == 1
    api.call("DELETE", "/requests/pools")
    assert api.call("GET", "/requests")["total"] == 0


def test_a_queried_overlap_is_what_the_worker_holds(api):
    held = api.worker.get("/cache")["ranks"][0]["blocks"]
    first = next(tokens_hash for _, tokens_hash, parent in held
                 if parent is None)
    (score,) = api.call("POST", "/overlap", {"block_hashes": [first]})["scores"]
    assert score["device"] == 1
    assert score["worker_id"] == api.worker.worker_id


def test_pictures_agree_with_each_other(api):
    for number in range(5):
        api.call("POST", "/route", {"request_id": f"picture-{number}",
                                    "tokens": tokens(3, first=number)})
    (worker,) = api.call("GET", "/workers")["workers"]
    assert worker["pool"] == "both" and worker["active_requests"] == 5
    index = api.call("GET", "/index")
    assert index["blocks"] == worker["blocks"] > 0
    assert index["bytes"] > 0
    limited = api.call("GET", "/requests?limit=2")
    assert (limited["total"], len(limited["requests"])) == (5, 2)
    counters = api.call("GET", "/counters")
    assert counters["requests_chosen"] == 5
    metrics = api.call("GET", "/metrics")
    assert 'dynamo_component_router_requests_total{worker_type="decode"} 5' \
        in metrics.splitlines()
    assert "dynamo_events_router_route_seconds_count 5" in metrics
    assert f'router_worker_id="{api.worker.worker_id}"' in metrics
    assert api.call("GET", "/replicas")["pools"][0]["members"] == 1


def test_the_configuration_tells_where_it_comes_from(api):
    config = api.call("GET", "/config")
    assert config["options"]["block_size"] == BLOCK
    assert config["origins"]["block_size"].startswith("file ")
    assert config["origins"]["router.cost.temperature"] == "default"


# -- failures ---------------------------------------------------------------------
