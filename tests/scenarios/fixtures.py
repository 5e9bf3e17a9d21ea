"""What every scenario has: programs, a cluster, and a clean end. For conftest.py
here and elsewhere."""

import pathlib

import pytest

from cluster import find_programs
from scenario import Scenario


def pytest_addoption(parser):
    parser.addoption("--bin", default=None, metavar="DIR",
                     help="build directory, or one that holds the programs "
                          "(default: DYNAMO_BIN, or build/release)")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.when == "call" and report.failed and "scenario" in item.funcargs:
        report.sections.append(("logs of the programs",
                                item.funcargs["scenario"].log_tails()))


@pytest.fixture(scope="session")
def programs(request):
    return find_programs(request.config.getoption("--bin"))


@pytest.fixture
def scenario(request, programs):
    """A cluster of its own for every test, and none of it left behind.

    Over direct ZMQ, unless the test is marked with `on_both` of scenario.py.
    """
    with Scenario(programs, getattr(request, "param", "zmq")) as cluster:
        yield cluster
        complaints = cluster.close()
    assert complaints == []
    assert not cluster.directory.exists()
    assert children() == []


def children():
    """The command lines of this process's children."""
    found = []
    for task in pathlib.Path("/proc/self/task").iterdir():
        try:
            pids = (task / "children").read_text().split()
        except OSError:
            # A thread that has just ended.
            continue
        for pid in pids:
            try:
                line = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
            except OSError:
                continue
            found.append(line.replace(b"\0", b" ").decode(errors="replace"))
    return found
