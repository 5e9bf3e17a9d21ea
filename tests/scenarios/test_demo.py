"""The demonstration on other ground: the same story, and the same end."""

import json
import sys

import pytest

from cluster import ROOT

SECONDS = 150


@pytest.mark.parametrize("plane, store, options", [
    ("nats", "file", ()), ("zmq", "etcd", ()), ("zmq", "file", ("--broker",))])
def test_the_demonstration_ends_with_an_equal_index(scenario, plane, store,
                                                    options):
    command = [sys.executable, ROOT / "scripts/demo.py", "--json",
               "--event-plane", plane, "--discovery", store, *options,
               "--requests", "300", "--bin", scenario.programs.place]
    demonstration = scenario.start_command("demo", command)
    assert demonstration.wait(SECONDS) == 0, demonstration.stderr()
    report = json.loads(demonstration.stdout_path.read_text())
    assert report["transport"] == plane and report["discovery"] == store
    assert report["index_equal"] and report["differences"] == []
    assert report["unaccounted_events"] == 0
    assert report["blocks_compared"] > 0
    left = [entry for entry in report["timeline"]
            if entry["event"] == "worker_left"]
    assert len(left) == 2
