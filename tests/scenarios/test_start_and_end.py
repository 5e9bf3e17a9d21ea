"""How programs begin and end: mistakes are named, signals are obeyed."""

import re
import signal
import threading
import time

import pytest

from cluster import Refused, wait_for
from scenario import HERE, SCOPE, SOON, on_both, wait_for_subscribers

MISTAKE = 2
END_SECONDS = 2

SPEAKERS = {
    "dynamo-worker": (),
    "dynamo-router": (),
    "dynamo-events": ("tail", SCOPE),
}


def run_to_end(scenario, name, *arguments):
    """Its exit code and what it wrote to stderr."""
    program = scenario.start_command(
        name, [scenario.programs.path(name), *arguments])
    return program.wait(SOON), program.stderr()


@pytest.mark.parametrize("name", SPEAKERS)
def test_who_is_not_told_where_kubernetes_is_says_what_would(scenario, name):
    code, text = run_to_end(scenario, name, *SPEAKERS[name],
                            "--discovery", "kubernetes")
    assert code == MISTAKE
    assert "kubernetes" in text and "KUBECONFIG" in text, text


@pytest.mark.parametrize("name", SPEAKERS)
@pytest.mark.parametrize("line, wrong, named", [
    (4, '"blok_size": 16', "blok_size"),
    (4, '"block_size": "many"', "block_size"),
    (4, '"block_size": 0', "65536"),
    (4, '"worker": {"cache_blocks": -1}', "cache_blocks"),
    (4, '"block_size" 16', "jsonc"),
])
def test_a_mistake_in_a_file_is_named_with_its_line(scenario, name, line,
                                                    wrong, named):
    path = scenario.directory / "mistaken.jsonc"
    path.write_text("// A comment.\n{\n"
                    f'  "event_plane": "zmq",\n  {wrong}\n}}\n')
    code, text = run_to_end(scenario, name, *SPEAKERS[name],
                            "--config", str(path))
    assert code == MISTAKE
    assert re.search(rf"mistaken\.jsonc:{line}\b", text) and named in text, text


@pytest.mark.parametrize("name", SPEAKERS)
def test_without_etcd_a_program_waits_for_it_until_a_signal(scenario, name):
    # Nobody listens on port 1.
    program = scenario.start_command(
        name, [scenario.programs.path(name), *SPEAKERS[name]],
        environment={"ETCD_ENDPOINTS": "http://127.0.0.1:1"})
    wait_for(lambda: "http://127.0.0.1:1: " in program.stderr(), SOON,
             "the log to say which etcd is waited for")
    since = time.monotonic()
    program.signal(signal.SIGTERM)
    assert program.wait(SOON) == 0
    assert time.monotonic() - since < END_SECONDS, program


@pytest.mark.parametrize("name", SPEAKERS)
def test_a_start_without_etcd_ends_with_what_can_be_done(scenario, name):
    program = scenario.start_command(
        name, [scenario.programs.path(name), *SPEAKERS[name]],
        environment={"ETCD_ENDPOINTS": "http://127.0.0.1:1",
                     "ETCD_STARTUP_CONNECT_TIMEOUT_SECONDS": "1"})
    assert program.wait(SOON) not in (0, MISTAKE)
    text = program.stderr()
    assert "http://127.0.0.1:1: " in text and "--discovery file" in text, text


@on_both
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_every_program_in_two_seconds(scenario, number):
    router = scenario.router()
    # So slow that its request is never done.
    worker = scenario.worker({"worker.speedup": 0.01})
    tail = scenario.tail("kv_metrics")
    answers = []

    def ask():
        try:
            answers.append(worker.post("/generate", {
                "request_id": "slow", "block_hashes": [1, 2, 3],
                "input_tokens": 48, "output_tokens": 100}))
        except Refused as reason:
            answers.append(reason.status)
    request = threading.Thread(target=ask)
    request.start()
    wait_for(lambda: worker.get("/cache")["ranks"][0]["used_blocks"] > 0, SOON,
             "the request to be taken")

    for program in (worker, tail, router):
        since = time.monotonic()
        program.signal(number)
        assert program.wait(SOON) == 0
        assert time.monotonic() - since < END_SECONDS, program
        assert program.lines[-1]["event"] == "stopped"
    request.join()
    assert answers == [503]
    left = [path for path in scenario.discovery.glob("v1/*/*")]
    assert left == [], "they take their records with them"


@on_both
def test_a_worker_that_stops_sends_what_it_published(scenario):
    worker = scenario.worker()
    tail = scenario.tail("kv-events")
    wait_for_subscribers(worker, 1)
    scenario.fill(worker, requests=50)
    assert worker.terminate() == 0
    wait_for(lambda: hashes(tail) == 50 * 4, SOON,
             lambda: f"200 blocks, it is {hashes(tail)}")
    assert tail.events("stream_gap") == []


def hashes(tail):
    """How many blocks were stored, as a subscriber heard it."""
    return sum(len(event["event"]["data"]["stored"]["blocks"])
               for line in tail.events("received")
               for event in line["value"]
               if "stored" in event["event"]["data"])


def test_every_program_shows_its_help_within_80_columns(scenario):
    for name in ("dynamo-worker", "dynamo-router", "dynamo-broker",
                 "dynamo-loadgen", "dynamo-events"):
        program = scenario.start_command(
            name, [scenario.programs.path(name), "--help"])
        assert program.wait(SOON) == 0
        lines = program.stdout_path.read_text().splitlines()
        assert lines and max(map(len, lines)) <= 80, name


def test_the_configurations_of_the_scenarios_say_what_is_in_force(scenario):
    for name, config in (("dynamo-worker", "worker.jsonc"),
                         ("dynamo-router", "router.jsonc")):
        program = scenario.start_command(
            name, [scenario.programs.path(name), "--config", HERE / config,
                   "--print-config"])
        assert program.wait(SOON) == 0
        text = program.stdout_path.read_text()
        assert "block_size" in text and config in text
