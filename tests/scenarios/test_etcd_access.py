"""Who may use an etcd: passwords and certificates."""

import time

from certificates import Authority

from cluster import wait_for
from etcd import EtcdServer
from etcd_plane import TIMES, TRUE_AGAIN, listed, stale
from scenario import SOON, expect_equal, expect_whole, wait_for_worker


def test_a_password_that_is_changed_and_put_right(scenario):
    server = EtcdServer(scenario)
    server.require_password("root", "first")
    user = {"ETCD_AUTH_USERNAME": "root"}
    scenario.settings |= server.settings() | TIMES
    wrong = scenario.launch_worker(
        environment=user | {"ETCD_AUTH_PASSWORD": "guess"})
    assert wrong.wait(SOON) == 2
    assert "authentication failed" in wrong.stderr(), wrong.stderr()

    right = user | {"ETCD_AUTH_PASSWORD": "first"}
    router = scenario.router(environment=right)
    worker = scenario.worker(environment=right)
    wait_for_worker(router, worker, discovered=True, connected=True)
    server.change_password("root", "second")
    server.kill()
    server.start()
    wait_for(lambda: stale(router), SOON, f"{router} to miss etcd")
    wait_for(lambda: "authentication failed" in router.stderr(), SOON,
             f"{router} to say that it is refused")
    scenario.fill(worker)
    expect_equal(router, worker)
    server.change_password("root", "first")
    began = time.monotonic()
    wait_for(lambda: not stale(router), TRUE_AGAIN, "the password to be right")
    wait_for(lambda: len(server.keys()) == 6, TRUE_AGAIN, "every record")
    wait_for_worker(router, worker, discovered=True, connected=True)
    print(f"true again after {time.monotonic() - began:.1f} s")
    assert router.events("worker_left") == []
    assert expect_whole(router, worker)["reconnects"] == 0


def test_certificates_by_path_and_as_text_with_a_password(scenario):
    authority = Authority(scenario.directory / "authority")
    pair = authority.sign("server")
    server = EtcdServer(scenario, tls=(authority.certificate, *pair))
    server.require_password("root", "secret")
    certificate, key = authority.sign("client")
    by_path = {"ETCD_ENDPOINTS": f" {server.url} ,",
               "ETCD_AUTH_USERNAME": "root", "ETCD_AUTH_PASSWORD": "secret",
               "ETCD_AUTH_CA": str(authority.certificate),
               "ETCD_AUTH_CLIENT_CERT": str(certificate),
               "ETCD_AUTH_CLIENT_KEY": str(key)}
    as_text = by_path | {"ETCD_AUTH_CA": authority.certificate.read_text(),
                         "ETCD_AUTH_CLIENT_CERT": certificate.read_text(),
                         "ETCD_AUTH_CLIENT_KEY": key.read_text()}
    scenario.settings["discovery.backend"] = "etcd"
    router = scenario.router(environment=by_path)
    worker = scenario.worker(environment=as_text)
    wait_for_worker(router, worker, discovered=True, connected=True)
    scenario.fill(worker)
    expect_equal(router, worker)
    assert len(listed(scenario, by_path)) == 6

    for name, reason in (("CLIENT", server.url), ("AUTH_CA", "certificate")):
        refused = scenario.launch_worker(
            {"discovery.etcd.startup_timeout_ms": 1000},
            environment={variable: value for variable, value in by_path.items()
                         if name not in variable})
        assert refused.wait(SOON) != 0
        assert reason in refused.stderr(), refused.stderr()
