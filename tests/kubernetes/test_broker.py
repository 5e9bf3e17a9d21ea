"""Brokers of ZMQ that are found through the API server, as those of
deploy/kubernetes are."""

import yaml

from brokers import Brokers, wait_for_brokers
from cluster import wait_for
from kube import MANIFESTS, Pods
from kube_plane import SOON
from scenario import Traffic, expect_equal, expect_whole


def environment_of_component():
    """What the component "broker" tells workers and routers."""
    text = (MANIFESTS / "broker/kustomization.yaml").read_text()
    patch, = yaml.safe_load(text)["patches"]
    added = [each["value"] for each in yaml.safe_load(patch["patch"])]
    return {each["name"]: each["value"] for each in added}


def test_a_broker_whose_pod_goes_loses_nothing(scenario, server):
    scenario.pods = Pods(server)
    brokers = Brokers(scenario, 2)
    told = environment_of_component()
    router = scenario.launch_router(environment=told)
    worker = scenario.launch_worker(environment=told)
    for program in (router, worker):
        wait_for(program.ready, SOON, f"{program} to be ready")
        wait_for_brokers(program, 2)
    with Traffic(scenario, worker) as traffic:
        traffic.wait_for_more()
        gone = brokers.programs[0]
        gone.kill()
        gone.pod.delete()
        for program in (router, worker):
            wait_for_brokers(program, 1)
        traffic.wait_for_more()
        brokers.start()
        for program in (router, worker):
            wait_for_brokers(program, 2)
        traffic.wait_for_more()
    expect_equal(router, worker)
    expect_whole(router, worker)
