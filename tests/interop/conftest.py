"""What every interop test has: a cluster, a release of Dynamo, a place to meet.

Each test runs once for every release, event plane and store; what came of it is
a cell of doc/interop.md (table.py).
"""

import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
for place in (ROOT / "scripts", HERE.parent / "scenarios", HERE):
    sys.path.insert(0, str(place))

from cells import PLANES, STORES, CASES, cells_of  # noqa: E402
from cluster import find_programs  # noqa: E402
from peers import Dynamo, DynamoRelease  # noqa: E402
from meeting import LEASE_SECONDS, Meeting  # noqa: E402
from table import page  # noqa: E402

RELEASES = ROOT / "build/dynamo"


def pytest_addoption(parser):
    parser.addoption("--bin", default=None, metavar="DIR",
                     help="build directory, or one that holds the programs")
    parser.addoption("--release", action="append", default=[], metavar="N",
                     help="release of Dynamo in build/dynamo (default: all)")
    parser.addoption("--plane", action="append", default=[],
                     choices=("zmq", "nats"))
    parser.addoption("--store", action="append", default=[],
                     choices=("file", "etcd"))
    parser.addoption("--write-table", metavar="FILE",
                     help="write what came of the tests as a page")


def releases(config):
    wanted = config.getoption("--release")
    found = sorted((each.name for each in RELEASES.glob("*")
                    if (each / "bin/python").exists()), reverse=True)
    missing = set(wanted) - set(found)
    if missing or not found:
        raise pytest.UsageError(f"no release {' '.join(sorted(missing))} in "
                                f"{RELEASES}; scripts/interop.sh puts it there")
    return wanted or found


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "case(name): a row of doc/interop.md, see cells.py")
    config.addinivalue_line("markers", "core: run by scripts/test.sh")
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Results(config))


def wanted_cells(config, needs):
    return cells_of(releases(config), config.getoption("--plane") or PLANES,
                    config.getoption("--store") or STORES, needs)


def pytest_generate_tests(metafunc):
    if "meeting" in metafunc.fixturenames:
        marker = next(metafunc.definition.iter_markers("case"))
        cells = [cell for cell, reason in wanted_cells(
            metafunc.config, CASES[marker.args[0]]).items() if not reason]
        metafunc.parametrize("meeting", cells, indirect=True,
                             ids=["-".join(cell) for cell in cells])


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    marker = item.get_closest_marker("case")
    if marker and "meeting" in item.fixturenames:
        report.interop = [marker.args[0], *item.callspec.params["meeting"]]
    if report.when == "call" and report.failed and "meeting" in item.funcargs:
        report.sections.append(("logs of the programs",
                                item.funcargs["meeting"].log_tails()))


class Results:
    """What came of every cell; in the process that collects the reports."""

    def __init__(self, config):
        self.config = config
        self.outcomes = {}

    def pytest_runtest_logreport(self, report):
        key = tuple(getattr(report, "interop", ()))
        if key and (report.when == "call" or report.failed):
            # A case of several tests passed when all of them did.
            before = self.outcomes.get(key, "passed")
            self.outcomes[key] = (report.outcome if before == "passed"
                                  else before)

    def pytest_sessionfinish(self, session):
        target = self.config.getoption("--write-table")
        if target:
            pathlib.Path(target).write_text(
                page(self.outcomes, all_cells(self.config)), encoding="utf-8")


def all_cells(config):
    return {(name, *cell): reason for name, needs in CASES.items()
            for cell, reason in wanted_cells(config, needs).items()}


@pytest.fixture
def meeting(request):
    """A cluster in which programs of both kinds can find each other."""
    version, plane, store = request.param
    programs = find_programs(request.config.getoption("--bin"))
    release = DynamoRelease(version, RELEASES / version)
    with Meeting(programs, plane, store) as cluster:
        if release.number < (1, 4):
            # What our programs publish; they read both.
            cluster.settings["wire_version"] = "1.3"
        cluster.dynamo = Dynamo(cluster, release, plane, cluster.store_name,
                                cluster.nats_url, LEASE_SECONDS)
        yield cluster
        complaints = cluster.close()
    assert complaints == []
