"""Which event plane a program takes, and what it says of it.

All combinations stand in tests/unit/config/selection_test.cpp; these are
some of each kind, through whole programs.
"""

import json
import re
import subprocess

import pytest

from cluster import clean_environment
from scenario import SOON

MISTAKE = 2
PROGRAMS = ("dynamo-worker", "dynamo-router", "dynamo-events",
            "dynamo-loadgen")
FLAG = "flag --event-plane"
VARIABLE = "environment DYN_EVENT_PLANE"
FILE = "file"

# flag, variable, file (None: absent) -> what is taken, and where from.
TAKEN = [
    (None, None, None, "nats", "default"),
    (None, "", None, "nats", "default"),
    (None, " \t", None, "nats", "default"),
    (None, None, "zmq", "zmq", FILE),
    (None, "", "zmq", "zmq", FILE),
    (None, "zmq", None, "zmq", VARIABLE),
    (None, "ZMQ ", "nats", "zmq", VARIABLE),
    (None, "NATS", "zmq", "nats", VARIABLE),
    ("zmq", None, None, "zmq", FLAG),
    (" ZMQ ", "nats", "nats", "zmq", FLAG),
    ("nats", "zmq", "zmq", "nats", FLAG),
    ("nats", None, "zmq", "nats", FLAG),
]

# The same -> the source and the value that the message names.
REFUSED = [
    ("kafka", None, None, FLAG, "kafka"),
    ("", None, None, FLAG, ""),
    ("", "zmq", "zmq", FLAG, ""),
    (None, "rabbit", None, VARIABLE, "rabbit"),
    ("zmq", "rabbit", "zmq", VARIABLE, "rabbit"),
    (None, None, "pulsar", FILE, "pulsar"),
    ("nats", "zmq", "pulsar", FILE, "pulsar"),
]


@pytest.fixture
def ask(programs, tmp_path):
    """Runs a program with --print-config to its end."""
    def run(name, flag=None, file=None, variables=None):
        command = [programs.path(name), "--print-config"]
        if flag is not None:
            command += ["--event-plane", flag]
        if file is not None:
            path = tmp_path / "plane.jsonc"
            path.write_text(file)
            command += ["--config", str(path)]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=SOON, cwd=tmp_path,
            check=False, env=clean_environment(variables))
    return run


def sources(flag, variable, file):
    """The arguments of `ask` for one row."""
    return {"flag": flag,
            "variables": {} if variable is None
            else {"DYN_EVENT_PLANE": variable},
            "file": None if file is None
            else json.dumps({"event_plane": file})}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("flag, variable, file, kind, origin", TAKEN)
def test_the_strongest_source_counts(ask, name, flag, variable, file, kind,
                                     origin):
    ended = ask(name, **sources(flag, variable, file))
    assert ended.returncode == 0, ended.stderr
    line = re.search(r'"event_plane": "(\w+)", // (.*)', ended.stdout)
    assert line, ended.stdout
    assert line[1] == kind
    if origin == FILE:
        assert re.fullmatch(r"file .*plane\.jsonc:1", line[2])
    else:
        assert line[2] == origin


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("flag, variable, file, place, value", REFUSED)
def test_an_unknown_value_is_refused_wherever_it_stands(
        ask, name, flag, variable, file, place, value):
    ended = ask(name, **sources(flag, variable, file))
    assert ended.returncode == MISTAKE
    assert ended.stdout == ""
    named = "plane.jsonc:1" if place == FILE else place
    assert f'{named}: event_plane: expected "nats" or "zmq", got "{value}"' \
        in ended.stderr


@pytest.mark.parametrize("name", PROGRAMS)
def test_secrets_are_named_but_not_shown(ask, name):
    ended = ask(name, variables={
        "NATS_SERVER": "nats://me:hunter2@a:4222,b", "NATS_AUTH_USERNAME": "me",
        "NATS_AUTH_PASSWORD": "hunter2", "NATS_AUTH_TOKEN": "hunter2",
        "NATS_AUTH_NKEY": "hunter2"})
    assert ended.returncode == 0, ended.stderr
    assert "hunter2" not in ended.stdout + ended.stderr
    for line in ('"servers": "nats://me:***@a:4222,b", '
                 "// environment NATS_SERVER",
                 '"password": "***", // environment NATS_AUTH_PASSWORD',
                 '"token": "***", // environment NATS_AUTH_TOKEN',
                 '"nkey_seed": "***", // environment NATS_AUTH_NKEY'):
        assert line in ended.stdout


@pytest.mark.parametrize("set_one, missing", [
    ("NATS_AUTH_USERNAME", "NATS_AUTH_PASSWORD"),
    ("NATS_AUTH_PASSWORD", "NATS_AUTH_USERNAME"),
    ("NATS_TLS_CLIENT_CERT_PATH", "NATS_TLS_CLIENT_KEY_PATH"),
    ("NATS_TLS_CLIENT_KEY_PATH", "NATS_TLS_CLIENT_CERT_PATH"),
])
def test_half_of_a_pair_is_refused_on_nats_only(ask, set_one, missing):
    ended = ask("dynamo-router", variables={set_one: "hunter2"})
    assert ended.returncode == MISTAKE
    assert set_one in ended.stderr and missing in ended.stderr, ended.stderr
    assert "hunter2" not in ended.stderr

    ended = ask("dynamo-router", flag="zmq", variables={set_one: "hunter2"})
    assert ended.returncode == 0, ended.stderr


def test_an_insecure_switch_that_is_no_truth_is_refused(ask):
    ended = ask("dynamo-router", variables={"NATS_TLS_INSECURE": "maybe"})
    assert ended.returncode == MISTAKE
    assert "environment NATS_TLS_INSECURE" in ended.stderr
    assert "true or false" in ended.stderr and "yes" in ended.stderr
