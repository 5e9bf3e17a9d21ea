"""The comparison of policies works, on the beginning of a trace."""

import json
import sys

from cluster import ROOT

SECONDS = 150


def test_the_start_of_a_trace_is_compared_under_every_policy(scenario):
    command = [sys.executable, ROOT / "scripts/compare.py", "--json",
               "--trace", "synthetic", "--requests", "600",
               "--bin", scenario.programs.place]
    comparison = scenario.start_command("compare", command)
    code = comparison.wait(SECONDS)
    document = json.loads(comparison.stdout_path.read_text())
    assert code == 0, document["missed"]
    report = document["traces"]["synthetic"]
    assert list(report["policies"]) == ["round_robin", "predict", "kv",
                                        "kv_replicas"]
    for policy in report["policies"].values():
        assert policy["requests"] == 600
        assert policy["failed"] == 0
        assert policy["had_empty_caches"]
        # Nothing of another policy's was there to be found.
        assert policy["hit_rate"] <= report["ideal_hit_rate"]
    assert report["ideal_hit_rate_caches"] <= report["ideal_hit_rate"]
    assert report["unaccounted_events"] == 0
