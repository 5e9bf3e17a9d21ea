"""What deploy/kubernetes holds, as a real API server and our programs see it."""

import pathlib
import re
import subprocess
import sys

import pytest
import yaml

from brokers import Brokers
from cluster import ROOT, request
from kube import MANIFESTS, Pods, Rejected, apiserver_program

PLURALS = {"NetworkPolicy": "networkpolicies"}


def manifests():
    for path in sorted(MANIFESTS.rglob("*.yaml")):
        for each in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            if each and each["kind"] not in ("Kustomization", "Component"):
                yield path.relative_to(ROOT), each


def address_of(each, namespace):
    group = each["apiVersion"]
    base = f"/apis/{group}" if "/" in group else f"/api/{group}"
    plural = PLURALS.get(each["kind"], each["kind"].lower() + "s")
    if each["kind"] != "CustomResourceDefinition":
        base += f"/namespaces/{namespace}"
    return f"{base}/{plural}/{each['metadata']['name']}"


def apply_dry(server, each):
    """Lets the API server check it, strictly, and keep nothing."""
    server.call("PATCH", address_of(each, server.namespace)
                + "?fieldManager=test&force=true&dryRun=All"
                "&fieldValidation=Strict", each,
                kind="application/apply-patch+yaml")


def containers():
    for _, each in manifests():
        template = each.get("spec", {}).get("template")
        for one in template["spec"]["containers"] if template else []:
            if one["image"].startswith("dynamo-events"):
                yield one


def test_the_api_server_takes_every_manifest(server):
    seen = 0
    for path, each in manifests():
        try:
            apply_dry(server, each)
        except Rejected as reason:
            raise AssertionError(f"{path}: {reason}") from None
        seen += 1
    assert seen >= 18, seen


def rendered(place):
    """What kustomize makes of a folder."""
    program = pathlib.Path(apiserver_program()).with_name("kustomize")
    text = subprocess.run([program, "build", MANIFESTS / place], check=True,
                          capture_output=True, text=True).stdout
    return [each for each in yaml.safe_load_all(text) if each]


# What each of them adds to the environment of workers and routers.
@pytest.mark.parametrize("place, added", [
    ("base", {}),
    ("with-nats", {"DYN_EVENT_PLANE": "nats",
                   "NATS_SERVER": "nats://nats:4222"}),
    ("with-broker", {"DYN_EVENT_PLANE": "zmq",
                     "DYN_ZMQ_BROKER_ENABLED": "true"}),
])
def test_what_kustomize_makes_of_a_folder_is_taken(server, place, added):
    patched = 0
    for each in rendered(place):
        assert each["metadata"]["namespace"] == server.namespace
        apply_dry(server, each)
        name = each["metadata"]["name"]
        if "template" in each.get("spec", {}):
            one, = each["spec"]["template"]["spec"]["containers"]
            told = {entry["name"]: entry.get("value")
                    for entry in one.get("env", [])}
            if name in ("dynamo-worker", "dynamo-router"):
                assert added.items() <= told.items(), (name, told)
                patched += 1
            else:
                assert not added.keys() & told.keys(), (name, told)
    assert patched == 2


def test_every_manifest_is_in_a_kustomization():
    named = set()
    for path in MANIFESTS.rglob("kustomization.yaml"):
        for name in yaml.safe_load(path.read_text())["resources"]:
            named.add((path.parent / name).resolve())
    assert {path for path in MANIFESTS.rglob("*.yaml")
            if path.name != "kustomization.yaml"} <= named
    assert all(path.exists() for path in named), named


def test_the_configuration_is_that_of_configs():
    subprocess.run([sys.executable, ROOT / "scripts/manifests.py", "--check"],
                   check=True)


def test_every_variable_is_one_that_programs_read(programs):
    told = subprocess.run([programs.path("dynamo-router"), "--print-reference"],
                          check=True, capture_output=True, text=True).stdout
    known = set(re.findall(r"[A-Z][A-Z0-9]*_[A-Z0-9_]+", told))
    used = {each["name"] for one in containers() for each in one["env"]}
    assert used <= known, used - known


def test_every_probe_is_answered(scenario, server):
    scenario.pods = Pods(server)
    running = {"dynamo-worker": scenario.worker(),
               "dynamo-router": scenario.router(),
               "dynamo-broker": Brokers(scenario, 1).programs[0]}
    for program in running.values():
        program.started()
    probed = 0
    for one in containers():
        program = running[one["args"][0]]
        for name, probe in one.items():
            if name.endswith("Probe"):
                request(program.address, "GET", probe["httpGet"]["path"])
                probed += 1
    assert probed == 9, probed
