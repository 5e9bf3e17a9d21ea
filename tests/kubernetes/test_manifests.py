"""What deploy/kubernetes holds, as a real API server and our programs see it."""

import re
import subprocess
import sys

import yaml

from cluster import ROOT, request
from kube import MANIFESTS

# Variables that our programs do not read, and what they are for.
OF_OTHERS = set()
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


def containers():
    for _, each in manifests():
        template = each.get("spec", {}).get("template")
        for one in template["spec"]["containers"] if template else []:
            if one["image"].startswith("dynamo-events"):
                yield one


def test_the_api_server_takes_every_manifest(server):
    seen = 0
    for path, each in manifests():
        address = address_of(each, server.namespace)
        try:
            server.call("PATCH", address + "?fieldManager=test&force=true"
                        "&dryRun=All&fieldValidation=Strict", each,
                        kind="application/apply-patch+yaml")
        except Exception as reason:
            raise AssertionError(f"{path}: {reason}") from None
        seen += 1
    assert seen >= 15, seen


def test_kustomizations_name_files_that_are_there():
    named = set()
    for path in MANIFESTS.rglob("kustomization.yaml"):
        for name in yaml.safe_load(path.read_text())["resources"]:
            assert (path.parent / name).exists(), (path, name)
            named.add(path.parent / name)
    others = {path for path in MANIFESTS.rglob("*.yaml")
              if path.name != "kustomization.yaml"}
    assert others == named


def test_the_configuration_is_that_of_configs():
    subprocess.run([sys.executable, ROOT / "scripts/manifests.py", "--check"],
                   check=True)


def test_every_variable_is_one_that_programs_read(programs):
    told = subprocess.run([programs.path("dynamo-router"), "--print-reference"],
                          check=True, capture_output=True, text=True).stdout
    known = set(re.findall(r"[A-Z][A-Z0-9]*_[A-Z0-9_]+", told))
    used = {each["name"] for one in containers() for each in one["env"]}
    assert used - OF_OTHERS <= known, used - known


def test_every_probe_is_answered(scenario, server):
    environment = server.pod("probed-0").environment()
    running = {"dynamo-worker": scenario.worker(environment=environment),
               "dynamo-router": scenario.router(
                   environment=server.pod("probed-1").environment())}
    probed = 0
    for one in containers():
        program = running[one["args"][0]]
        for name, probe in one.items():
            if name.endswith("Probe"):
                request(program.address, "GET", probe["httpGet"]["path"])
                probed += 1
    assert probed == 6, probed
