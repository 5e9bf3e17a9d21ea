"""Scenarios that meet at a real API server of Kubernetes."""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
for place in (HERE.parent.parent / "scripts", HERE.parent / "scenarios",
              HERE.parent / "interop", HERE):
    sys.path.insert(0, str(place))

import pytest  # noqa: E402

from fixtures import (  # noqa: E402, F401
    programs, pytest_addoption, pytest_runtest_makereport, scenario)
from kube import KubeServer  # noqa: E402
from kube_plane import KubePlane  # noqa: E402


@pytest.fixture
def server(scenario):  # noqa: F811
    """An API server that all programs of the scenario are told of."""
    started = KubeServer(scenario)
    scenario.settings |= started.settings()
    return started


@pytest.fixture
def plane(scenario, server):  # noqa: F811
    return KubePlane(scenario, server)
