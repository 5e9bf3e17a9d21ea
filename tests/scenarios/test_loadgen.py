"""What dynamo-loadgen tells a router and does with its answers.

The router is a stand-in that writes down what it is told; the workers are real.
"""

import http.server
import json
import re
import threading

import pytest

from scenario import SOON, held_blocks

BLOCK_SIZE = 16


class StandIn:
    """A router whose choices are made by the test."""

    def __init__(self, workers, choose):
        self.told = []
        self._lock = threading.Lock()
        stand_in = self

        class Face(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self, status, body):
                text = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def do_GET(self):
                if self.path == "/workers":
                    self.answer(200, {"workers": workers})
                else:
                    self.answer(200, {"subscriptions": []})

            def do_POST(self):
                size = int(self.headers.get("Content-Length", 0))
                body = json.loads(self.rfile.read(size) or b"{}")
                if self.path == "/route":
                    stand_in.note("route", body["request_id"])
                    self.answer(200, choose(len(stand_in.of("route"))))
                else:
                    found = re.fullmatch(r"/requests/(.+)/(\w+)", self.path)
                    stand_in.note(found[2], found[1])
                    self.answer(200, {})

            def do_DELETE(self):
                stand_in.note("ended", self.path.removeprefix("/requests/"))
                self.answer(200, {})

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Face)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self):
        return "http://%s:%d" % self._server.server_address

    def note(self, what, request_id):
        with self._lock:
            self.told.append((what, request_id))

    def of(self, what):
        with self._lock:
            return [each for kind, each in self.told if kind == what]

    def about(self, request_id):
        with self._lock:
            return [kind for kind, each in self.told if each == request_id]


def place(worker):
    return {"worker_id": worker.worker_id, "dp_rank": 0,
            "endpoint": f"http://{worker.address}"}


def member(worker, pool="both"):
    return place(worker) | {"discovered": True, "state": "in_sync", "blocks": 0,
                            "pool": pool, "ranks": [{"dp_rank": 0}]}


@pytest.fixture
def replay(scenario):
    """Runs a load of some requests with 40 tokens in and `output` out."""
    def run(router, requests=3, output=40):
        trace = scenario.directory / "trace.jsonl"
        trace.write_text("".join(
            json.dumps({"timestamp": 100 * number, "input_length": 40,
                        "output_length": output, "hash_ids": [7]}) + "\n"
            for number in range(requests)))
        load = scenario.start(
            "dynamo-loadgen", "--router", router.url, "--trace", trace,
            "--output-blocks", "--drain-ms", 0, "--block-size", BLOCK_SIZE,
            "--speed", 1, http=False, wait=False)
        assert load.wait(SOON) == 0, load.stderr()
        return next(line for line in load.lines if "policies" in line)
    return run


def test_a_router_hears_of_every_stage_of_a_request(scenario, replay):
    worker = scenario.worker()
    with StandIn([member(worker)], lambda _: place(worker)) as router:
        report = replay(router)
        assert report["policies"]["kv"]["failed"] == 0
        # 40 tokens of output end in the blocks of tokens 48, 64 and 80.
        for name in ("kv-0", "kv-1", "kv-2"):
            assert router.about(name) == [
                "route", "prefill_completed", "output_block", "output_block",
                "output_block", "ended"]


def test_a_request_whose_worker_is_gone_is_ended_and_tried_again(
        scenario, replay):
    worker = scenario.worker()
    nobody = place(worker) | {"endpoint": "http://127.0.0.1:1"}
    with StandIn([member(worker)],
                 lambda number: nobody if number == 1 else place(worker)
                 ) as router:
        report = replay(router, requests=1)
        assert report["policies"]["kv"]["retries"] == 1
        assert report["policies"]["kv"]["failed"] == 0
        assert router.about("kv-0") == ["route", "ended"]
        assert router.about("kv-0-r1")[0] == "route"
        assert router.about("kv-0-r1")[-1] == "ended"


def test_prompts_go_to_one_pool_and_outputs_to_the_other(scenario, replay):
    first = scenario.worker(settings={"component": "prefill"})
    second = scenario.worker()
    answer = place(second) | {"mode": "disaggregated",
                              "prefill": place(first), "decode": place(second)}
    with StandIn([member(first, "prefill"), member(second, "decode")],
                 lambda _: answer) as router:
        report = replay(router)
        kv = report["policies"]["kv"]
        assert kv["failed"] == 0
        # The first prompt is computed, its two full blocks are found by the
        # other two requests; all of them by the prefill worker.
        assert (kv["blocks_reused"], kv["blocks_asked"]) == (4, 6)
        assert held_blocks(first) == held_blocks(second) != set()
        # Of two ranks one computes everything, and both see every request.
        assert kv["imbalance_tokens"] == 2
        assert kv["imbalance_requests"] == 1
        for name in ("kv-0", "kv-1", "kv-2"):
            stages = router.about(name)
            assert stages[:2] == ["route", "prefill_completed"]
            assert stages.count("prefill_completed") == 1
            assert stages[-1] == "ended"
