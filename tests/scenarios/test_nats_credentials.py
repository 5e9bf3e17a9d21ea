"""Who may connect, and to whom: passwords and certificates."""

import pytest
from certificates import Authority

from cluster import wait_for
from nats import NatsServer
from scenario import (HERE, SOON, expect_equal, link, wait_for_link,
                      wait_for_refusal)

SECRET = "correct-horse-battery-staple"
NKEY_SEED = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"


def users(password):
    return {"users": [{"user": "ours", "password": password}]}


def told(scenario):
    """All that our programs have said, servers left out."""
    return "".join(path.read_text(errors="replace")
                   for path in scenario.logs.iterdir()
                   if not path.name.startswith("nats-server"))


# -- passwords -----------------------------------------------------------------


def test_a_wrong_password_is_no_absent_server_and_may_become_right(scenario):
    server = scenario.nats_server({"authorization": users("another")})
    scenario.settings["nats.authentication_delay_ms"] = 300
    absent = NatsServer(scenario)
    absent.stop()
    worker = scenario.launch_worker(environment={
        "NATS_AUTH_USERNAME": "ours", "NATS_AUTH_PASSWORD": SECRET})
    router = scenario.launch_router({"nats.username": "ours",
                                     "nats.password": SECRET})
    lost = scenario.launch_worker(absent.settings())

    for program in (worker, router):
        wait_for_link(program, state="authentication_failed")
        assert link(program)["reason"]
        wait_for_refusal(program, server.address, "credentials")
        wait_for(lambda each=program: "refuses the credentials" in
                 each.stderr(), SOON, f"{program} to log it")
        assert "waiting for a NATS server" not in program.stderr()
    wait_for_link(lost, state="connecting")
    assert "credentials" not in wait_for_refusal(lost, absent.address)
    assert "refuses the credentials" not in lost.stderr()

    server.reload(authorization=users(SECRET))
    for program in (worker, router):
        wait_for(program.ready, SOON, f"{program} to be ready")
    scenario.fill(worker)
    expect_equal(router, worker)
    # Taken away again while everybody is connected.
    server.reload(authorization=users("a third"))
    for program in (worker, router):
        wait_for_link(program, state="authentication_failed")
    assert SECRET not in told(scenario)


@pytest.mark.parametrize("variable, key, secret", [
    ("NATS_AUTH_PASSWORD", "nats.password", SECRET),
    ("NATS_AUTH_TOKEN", "nats.token", SECRET),
    ("NATS_AUTH_NKEY", "nats.nkey_seed", NKEY_SEED),
    ("NATS_SERVER", "nats.servers", f"nats://ours:{SECRET}@127.0.0.1:1"),
])
def test_secrets_are_shown_nowhere(scenario, variable, key, secret):
    server = scenario.nats_server()
    server.stop()
    user = {"nats.username": "ours"} if "password" in key else {}
    program = scenario.programs.path("dynamo-worker")
    config = ["--config", HERE / "worker.jsonc", "--print-config",
              *(f"--set={name}={value}" for name, value in user.items())]
    for name, words, environment in (
            ("variable", [], {variable: secret}),
            ("key", [f"--set={key}={secret}"], {})):
        printed = scenario.start_command(name, [program, *config, *words],
                                         environment=environment)
        assert printed.wait(SOON) == 0, printed.stderr()
        assert "servers" in printed.stdout_path.read_text()

    worker = scenario.launch_worker(user | {key: secret,
                                            "log.level": "trace"})
    wait_for_refusal(worker, "127.0.0.1")
    worker.get("/streams")
    said = told(scenario) + str(worker.get("/streams"))
    assert SECRET not in said and NKEY_SEED not in said


# -- certificates --------------------------------------------------------------


@pytest.fixture
def authority(scenario):
    return Authority(scenario.directory / "authority")


def tls_server(scenario, pair, **options):
    """A server with a certificate and its key."""
    certificate, key = map(str, pair)
    return NatsServer(scenario, {"tls": {
        "cert_file": certificate, "key_file": key, "timeout": 5} | options})


def trusting(server, authority):
    return server.settings() | {"nats.tls.ca": str(authority.certificate)}


def test_a_good_certificate_is_taken_and_others_are_refused_with_the_reason(
        scenario, authority):
    good = tls_server(scenario, authority.sign("good"))
    settings = trusting(good, authority)
    worker, router = scenario.worker(settings), scenario.router(settings)
    assert link(worker)["server"] == good.url
    scenario.fill(worker)
    expect_equal(router, worker)

    expired = tls_server(scenario, authority.sign("expired", days=-1))
    stranger = Authority(scenario.directory / "stranger")
    untrusted = tls_server(scenario, stranger.sign("untrusted"))
    for server, reason in ((expired, "expired"), (untrusted, "certificate")):
        refused = scenario.launch_worker(trusting(server, authority))
        wait_for_refusal(refused, server.address, reason)
        wait_for(lambda each=refused, word=reason: word in
                 each.stderr().lower(), SOON, f"{refused} to log {reason}")
        assert link(refused)["state"] == "connecting"
    assert "expired" not in refused.stderr()
    # Whoever asks for it checks nothing.
    scenario.worker(untrusted.settings() | {"nats.tls.insecure": True})


def test_a_server_may_demand_a_certificate(scenario, authority):
    server = tls_server(scenario, authority.sign("server"), verify=True,
                        ca_file=str(authority.certificate))
    settings = trusting(server, authority)
    without = scenario.launch_worker(settings)
    wait_for_refusal(without, server.address, "certificate")

    certificate, key = map(str, authority.sign("client"))
    settings |= {"nats.tls.certificate": certificate, "nats.tls.key": key}
    worker, router = scenario.worker(settings), scenario.router(settings)
    scenario.fill(worker)
    expect_equal(router, worker)
    assert not without.ready()
