"""Where the modules of the scenarios are, and their fixtures."""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "scripts"))
sys.path.insert(0, str(HERE))

from fixtures import (  # noqa: E402, F401
    programs, pytest_addoption, pytest_runtest_makereport, scenario)
