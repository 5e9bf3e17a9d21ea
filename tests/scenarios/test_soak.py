"""The soak itself works: 20 seconds of it, with a bound that only says that.

Whether memory is flat takes longer to see: scripts/soak.sh.
"""

import json
import sys

import pytest

from cluster import ROOT
from soak import slope

SECONDS = 120
# Everything is still filling up.
LOOSE_KIB_PER_MINUTE = 128 * 1024


def test_the_slope_is_that_of_the_best_line():
    assert slope([(0, 5)]) == 0
    assert slope([(0, 1), (1, 3), (2, 5)]) == pytest.approx(2)
    assert slope([(0, 4), (1, 6), (2, 4), (3, 6)]) == pytest.approx(0.4)


def test_a_short_soak_watches_every_process_and_ends_with_equal_indexes(
        scenario):
    command = [sys.executable, ROOT / "scripts/soak.py", "--json",
               "--minutes", "0.33", "--sample-seconds", "1",
               "--bound", LOOSE_KIB_PER_MINUTE,
               "--index-bound", LOOSE_KIB_PER_MINUTE,
               "--bin", scenario.programs.place]
    soak = scenario.start_command("soak", command)
    code = soak.wait(SECONDS)
    report = json.loads(soak.stdout_path.read_text())
    assert code == 0, report["missed"]
    assert report["load"]["requests"] > 100
    assert report["load"]["failed"] == 0
    assert report["differences"] == []
    watched = [each["figure"] for each in report["figures"]]
    assert sum(each.endswith("resident") for each in watched) == 8
    assert sum(each.endswith("index") for each in watched) == 3
    assert all(each["max_kib"] > 0 for each in report["figures"])
