"""What the router's HTTP API refuses, and how it says so."""

import http.client
import json
import urllib.parse

from cluster import Refused, wait_for
from scenario import SOON

BLOCK = 16
from router_api import Api, api, document, tokens  # noqa: F401


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

    # A router that has not heard of the source yet is ready, too.
    def is_in_sync():
        try:
            ready = router.get("/readyz")
        except (OSError, Refused):
            return False
        return (ready["sources"], ready["in_sync"], ready["fraction"]) == (
            1, 1, 1)

    wait_for(is_in_sync, SOON, "the source to be in sync")
    api.call("GET", "/readyz")
