"""An API server that goes away, forgets, refuses, and comes back."""

import secrets

from cluster import wait_for
from kube_plane import SOON, TRUE_AGAIN
from scenario import let_pass, wait_for_worker

OUTAGE_SECONDS = 30


def test_the_api_server_is_away_for_half_a_minute(plane):
    with plane:
        plane.server.kill()
        plane.wait_until_stale()
        let_pass(OUTAGE_SECONDS)
        plane.server.start()
        plane.wait_until_true()


def test_versions_are_compacted_while_a_watch_is_away(plane):
    with plane:
        plane.server.kill()
        plane.wait_until_stale()
        # What a watch would go on from is gone when the server is back.
        plane.server.start()
        for number in range(20):
            plane.server.pod(f"other-{number}", sliced=False)
        plane.server.compact()
        plane.server.kill()
        plane.server.start()
        plane.wait_until_true()


def test_a_worker_that_starts_while_the_api_server_is_away(plane):
    with plane:
        pod = plane.server.pod("late-0")
        plane.server.kill()
        late = plane.scenario.launch_worker(environment=pod.environment())
        plane.wait_until_stale()
        assert late.events("started") == []
        plane.server.start()
        wait_for(late.ready, TRUE_AGAIN, f"{late} to be ready")
        wait_for_worker(plane.router, late, discovered=True, connected=True)
        assert late.terminate() == 0
        plane.wait_until_true()


def test_a_token_is_rotated(scenario, server):
    account = server.service_account()
    told = {"KUBERNETES_SERVICE_HOST": "127.0.0.1",
            "KUBERNETES_SERVICE_PORT": str(server.port)}
    settings = {"discovery.kubernetes.account_directory": str(account)}

    def in_pod(name):
        environment = server.pod(name).environment()
        del environment["KUBECONFIG"]
        return environment | told

    router = scenario.router(settings, environment=in_pod("router-0"))
    worker = scenario.worker(settings, environment=in_pod("worker-0"))
    wait_for_worker(router, worker, discovered=True, connected=True)

    # The server takes another token from its next start on, and the old one
    # not any more.
    server.kill()
    server.tokens["worker"] = secrets.token_hex(16)
    server.start()
    (account / "token").write_text(server.tokens["worker"])
    late = scenario.worker(settings, environment=in_pod("worker-1"))
    wait_for_worker(router, late, seconds=TRUE_AGAIN, discovered=True,
                    connected=True)
    wait_for_worker(router, worker, discovered=True, connected=True)
    assert router.events("worker_left") == []


def test_a_right_is_taken_away_and_given_back(plane):
    with plane:
        server = plane.server
        server.grant("patch")
        pod = server.pod("late-0")
        late = plane.scenario.launch_worker(environment=pod.environment())
        wait_for(lambda: "cannot patch resource" in late.stderr(), SOON,
                 f"{late} to name the verb; it says {late.stderr()[-500:]}")
        assert "late-0" not in server.objects()
        server.grant()
        wait_for_worker(plane.router, late, seconds=TRUE_AGAIN, discovered=True,
                        connected=True)
        assert late.terminate() == 0

        # A watch that runs goes on; the next one is refused, which is told though
        # it was told before that nobody answers.
        server.grant("list", "watch")
        server.kill()
        plane.wait_until_stale()
        server.start()
        wait_for(lambda: "cannot" in plane.router.stderr()
                 and "lacks that verb" in plane.router.stderr(), SOON,
                 f"{plane.router} to name the verb")
        server.grant()
        plane.wait_until_true()


def test_who_may_nothing_is_told_so_and_waits(scenario, server):
    environment = server.pod("nobody-0").environment()
    environment["KUBECONFIG"] = server.kubeconfig("nobody")
    code = scenario.launch_router(
        {"discovery.kubernetes.startup_timeout_ms": 3000},
        environment=environment)
    assert code.wait(SOON) != 0
    text = code.stderr()
    assert "cannot list resource" in text and "nobody" in text, text


def test_a_certificate_may_have_another_name_than_the_address(scenario,
                                                              server):
    environment = server.pod("named-0").environment()
    environment["KUBECONFIG"] = server.kubeconfig(
        **{"tls-server-name": "localhost"})
    scenario.worker(environment=environment)
    environment["KUBECONFIG"] = server.kubeconfig(
        **{"tls-server-name": "elsewhere"})
    refused = scenario.launch_router(
        {"discovery.kubernetes.startup_timeout_ms": 1500},
        environment=environment)
    assert refused.wait(SOON) != 0
    assert "certificate" in refused.stderr().lower(), refused.stderr()
