"""The router's HTTP API is what its OpenAPI document says."""

import http.client
import json
import urllib.parse

import pytest

from cluster import ROOT, wait_for
from openapi import Document
from scenario import SOON, expect_equal

BLOCK = 16


@pytest.fixture(scope="module")
def document():
    return Document(json.loads((ROOT / "apps/router/openapi.json").read_text()))


class Api:
    """Speaks with a router, and checks every answer against the document."""

    def __init__(self, router, document):
        self.router = router
        self.document = document
        self.seen = set()

    def send(self, method, path, body=None, headers=None):
        """(status, content type, text), unchecked; `body` is text or JSON."""
        text = body if body is None or isinstance(body, (str, bytes)) \
            else json.dumps(body)
        headers = {"Content-Type": "application/json", **(headers or {})}
        connection = http.client.HTTPConnection(self.router.address, timeout=30)
        try:
            connection.request(method, path, text, headers)
            answer = connection.getresponse()
            return (answer.status, answer.getheader("Content-Type"),
                    answer.read().decode())
        finally:
            connection.close()

    def call(self, method, path, body=None, expect=200):
        """The answer's value."""
        status, kind, text = self.send(method, path, body)
        assert status == expect, f"{method} {path}: {status}: {text[:500]}"
        self.seen.add((method, self.document.path_of(path), status))
        return self.document.check_answer(method, path, status, kind, text)

    def refuse(self, method, path, body, status, code):
        """The sentence of a failure."""
        error = self.call(method, path, body, expect=status)["error"]
        assert error["code"] == code, error
        assert error["message"], error
        return error["message"]


@pytest.fixture
def api(scenario, document):
    """A router with one worker that holds something."""
    worker = scenario.worker()
    router = scenario.router()
    router.wait_for_event("worker_joined", SOON, worker_id=worker.worker_id)
    scenario.fill(worker, requests=3)
    expect_equal(router, worker)
    made = Api(router, document)
    made.worker = worker
    return made


def tokens(blocks, first=1):
    return list(range(first, first + blocks * BLOCK))


# -- the document ---------------------------------------------------------------


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


def test_bad_bodies_are_refused_by_the_members_name(api, document):
    good = {"request_id": "bad", "tokens": tokens(1)}
    wrong = [{**good, "surprise": 1}, {**good, "priority": "high"},
             {**good, "request_id": ""}, {**good, "tokens": [-1]},
             {**good, "tokens": [1.5]}, {**good, "dp_rank": 0},
             {**good, "overrides": {"surprise": 1}},
             {**good, "overrides": {"temperature": -1}},
             {**good, "allowed_worker_ids": []},
             {**good, "preferred_taints": {"a": "b"}},
             {**good, "block_hashes": [1], "input_tokens": BLOCK},
             {"request_id": "bad"}, {"tokens": [1]},
             {"request_id": "bad", "block_hashes": [1]}]
    for body in wrong:
        status, kind, text = api.send("POST", "/route", body)
        document.check_answer("POST", "/route", status, kind, text)
        assert status == 400, (body, text)
        assert not document.accepts_body("POST", "/route", body), body
    assert "surprise" in api.refuse("POST", "/route", wrong[0], 400, "invalid")
    for text in ("", "{", "[]", "null", '{"tokens":[1],"tokens":[1]}', "\xff"):
        api.refuse("POST", "/route", text.encode("latin-1"), 400, "malformed")
    for path in ("/requests/a/prefill_completed", "/requests/a/output_block",
                 "/overlap"):
        api.refuse("POST", path, {"surprise": 1}, 400, "invalid")
        api.refuse("POST", path, "[", 400, "malformed")
    api.refuse("DELETE", "/requests/a", {"surprise": 1}, 400, "invalid")
    api.refuse("POST", "/route?explain=yes", good, 400, "invalid")
    api.refuse("GET", "/requests?limit=many", None, 400, "invalid")


def test_what_is_too_large_is_refused(scenario, document):
    router = scenario.router({"router.request_blocks_max": 4,
                              "http.body_bytes_max": 4096})
    api = Api(router, document)
    api.refuse("POST", "/route", {"request_id": "a", "tokens": tokens(5)},
               413, "too_large")
    api.refuse("POST", "/route", {"request_id": "a" * 513, "tokens": [1]},
               413, "too_large")
    api.refuse("POST", "/route", {"request_id": "a", "tokens": [1],
                                  "required_taints": ["a"] * 65},
               413, "too_large")
    api.refuse("POST", "/overlap", {"block_hashes": [1] * 5}, 413, "too_large")
    message = api.refuse("POST", "/route", " " * 4097, 413, "too_large")
    assert "4096" in message
    status, _, text = api.send("GET", "/requests/" + "a" * 4096)
    assert status == 414 and json.loads(text)["error"]["code"] == "too_large"


def test_unknown_paths_requests_and_methods_are_refused(api):
    for method, path, body in (
            ("POST", "/requests/nobody/prefill_completed", None),
            ("POST", "/requests/nobody/output_block", None),
            ("DELETE", "/requests/nobody", None)):
        api.refuse(method, path, body, 404, "not_found")
    status, _, text = api.send("GET", "/nothing")
    assert status == 404
    assert json.loads(text)["error"]["code"] == "unknown_path"
    for path, method, _ in api.document.operations():
        wrong = "DELETE" if method != "DELETE" else "PUT"
        if (wrong.lower() in api.document.document["paths"][path]):
            continue
        status, _, text = api.send(wrong, path.replace("{id}", "a"))
        assert status == 405, (wrong, path, text)
        assert json.loads(text)["error"]["code"] == "wrong_method"


def test_bodies_whose_size_is_unknown_are_refused(api):
    for path, method, _ in api.document.operations():
        if api.document.body_schema(method, path):
            status, kind, text = api.send(
                method, path.replace("{id}", "a"), "{}",
                {"Content-Encoding": "gzip"})
            error = api.document.check_answer(method, path, status, kind, text)
            assert (status, error["error"]["code"]) == (415, "unsupported")


def test_a_router_without_workers_says_so(scenario, document):
    api = Api(scenario.router(), document)
    asked = {"request_id": "a", "tokens": tokens(1)}
    api.refuse("POST", "/route", asked, 503, "no_worker")
    for path in ("/workers", "/index", "/requests", "/replicas", "/counters",
                 "/streams", "/timeline", "/metrics", "/readyz", "/healthz"):
        api.call("GET", path)


def test_workers_that_are_not_allowed_are_not_chosen(api):
    asked = {"request_id": "a", "tokens": tokens(1)}
    stranger = api.worker.worker_id + 1
    api.refuse("POST", "/route", {**asked, "allowed_worker_ids": [stranger]},
               409, "none_allowed")
    api.refuse("POST", "/route", {**asked, "required_taints": ["none"]},
               409, "none_allowed")
    api.refuse("POST", "/route", {**asked, "worker_id": stranger},
               503, "no_worker")
    api.call("POST", "/route", {**asked, "worker_id": api.worker.worker_id,
                                "dp_rank": 0})


def test_overloaded_workers_are_a_case_of_their_own(scenario, document):
    worker = scenario.worker()
    router = scenario.router({"router.overload.prefill_tokens": 1})
    api = Api(router, document)
    router.wait_for_event("worker_joined", SOON, worker_id=worker.worker_id)
    report = {"worker_id": worker.worker_id, "dp_rank": 0,
              "active_prefill_tokens": 100}
    assert scenario.publish("kv_metrics", json.dumps(report)).wait(SOON) == 0
    asked = {"request_id": "a", "tokens": tokens(1), "only_ask": True}
    wait_for(lambda: api.send("POST", "/route", asked)[0] == 529, SOON,
             "the worker to be overloaded")
    api.refuse("POST", "/route", asked, 529, "overloaded")
    (shown,) = api.call("GET", "/workers")["workers"]
    assert shown["overloaded"]


def test_a_request_that_waits_already_is_not_taken_twice(scenario, document):
    worker = scenario.worker()
    router = scenario.router({"router.queue.threshold": 1e-9,
                              "router.queue.wait_max_ms": 3000,
                              "router.queue.requests_max": 1})
    api = Api(router, document)
    router.wait_for_event("worker_joined", SOON, worker_id=worker.worker_id)
    api.call("POST", "/route", {"request_id": "first", "tokens": tokens(8)})
    waiting = http.client.HTTPConnection(router.address, timeout=30)
    asked = {"request_id": "second", "tokens": tokens(8)}
    waiting.request("POST", "/route", json.dumps(asked))
    wait_for(lambda: api.call("GET", "/replicas")["pools"][0]["parked"] == 1,
             SOON, "a request to wait")
    api.refuse("POST", "/route", asked, 409, "duplicate")
    api.refuse("POST", "/route", {**asked, "request_id": "third"}, 503,
               "queue_full")
    api.call("DELETE", "/requests/second")
    answer = waiting.getresponse()
    assert answer.status == 409
    assert json.loads(answer.read())["error"]["code"] == "cancelled"
    waiting.close()
    api.refuse("POST", "/route", {**asked, "request_id": "fourth"}, 503,
               "timed_out")


def test_a_router_that_stops_lets_nobody_wait(scenario, document):
    worker = scenario.worker()
    router = scenario.router({"router.queue.threshold": 1e-9})
    api = Api(router, document)
    router.wait_for_event("worker_joined", SOON, worker_id=worker.worker_id)
    api.call("POST", "/route", {"request_id": "first", "tokens": tokens(8)})
    waiting = http.client.HTTPConnection(router.address, timeout=30)
    waiting.request("POST", "/route", json.dumps(
        {"request_id": "second", "tokens": tokens(8)}))
    wait_for(lambda: api.call("GET", "/replicas")["pools"][0]["parked"] == 1,
             SOON, "a request to wait")
    assert router.terminate() == 0
    answer = waiting.getresponse()
    document.check_answer("POST", "/route", answer.status,
                          answer.getheader("Content-Type"),
                          refusal := answer.read().decode())
    assert (answer.status, json.loads(refusal)["error"]["code"]) == (
        503, "closed")
    waiting.close()


def test_readiness_waits_for_sources_no_longer_than_its_limit(
        scenario, document):
    worker = scenario.worker()
    router = scenario.launch_router({
        "router.readiness.sources_in_sync": 1,
        "router.readiness.time_limit_ms": 20000})
    api = Api(router, document)
    router.started()
    scenario.fill(worker, requests=1)
    wait_for(router.ready, SOON, "the sources to be in sync")
    ready = api.call("GET", "/readyz")
    assert (ready["sources"], ready["in_sync"], ready["fraction"]) == (1, 1, 1)
