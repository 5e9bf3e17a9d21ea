"""A nats-server that comes late, dies, or stands still."""

import signal

from cluster import wait_for
from scenario import (SOON, Traffic, expect_equal, expect_nothing_missed,
                      expect_whole, let_pass, link, publisher, wait_for_link,
                      wait_for_refusal, wait_for_worker)

STANDSTILL = 5
END_SECONDS = 3


def test_programs_wait_for_a_server_and_say_so(scenario):
    server = scenario.nats_server()
    server.stop()
    worker, router = scenario.launch_worker(), scenario.launch_router()
    for program in (worker, router):
        told = wait_for_refusal(program, server.address)
        log = wait_for(lambda each=program: "waiting for a NATS server" in
                       each.stderr() and each.stderr(), SOON,
                       f"{program} to log what it waits for")
        # What to do about it, for who reads the one or the other.
        for text in (told, log):
            assert "nats-server" in text and "--event-plane zmq" in text, text
        assert server.address in log and "DYN_EVENT_PLANE=zmq" in log, log
        assert link(program)["state"] == "connecting"
        assert link(program)["reason"]
    scenario.fill(worker, requests=20)
    waits = publisher(worker)
    assert waits["waiting"] == 20 and waits["sent"] == 0, waits
    assert waits["subscribers"] is None

    server.start()
    for program in (worker, router):
        wait_for(program.ready, SOON, f"{program} to be ready")
        wait_for_link(program, state="connected", server=server.url, epoch=1)
    scenario.fill(worker, requests=5)
    expect_equal(router, worker)
    expect_whole(router, worker)
    wait_for_worker(router, worker, discovered=True, connected=True,
                    state="in_sync")


def test_nothing_is_lost_when_the_server_dies_or_stands_still(scenario):
    server = scenario.nats_server()
    router = scenario.router()
    workers = [scenario.worker(), scenario.worker()]
    with Traffic(scenario, *workers) as traffic:
        traffic.wait_for_more()
        server.kill()
        for program in (router, *workers):
            wait_for_link(program, state="reconnecting")
            wait_for_refusal(program, server.address)
        traffic.wait_for_more()
        server.start()
        for program in (router, *workers):
            wait_for_link(program, state="connected", epoch=2)
        traffic.wait_for_more()
    expect_equal(router, *workers)

    with Traffic(scenario, *workers) as traffic:
        traffic.wait_for_more()
        server.freeze()
        let_pass(STANDSTILL)
        traffic.wait_for_more()
        server.thaw()
        traffic.wait_for_more()
    expect_equal(router, *workers)
    for worker in workers:
        expect_nothing_missed(router, worker)
        wait_for_worker(router, worker, discovered=True, connected=True,
                        state="in_sync")
    for program in (router, *workers):
        assert link(program)["epoch"] == 2, "it waited for the server"


def test_programs_end_in_time_without_their_server(scenario):
    server = scenario.nats_server()
    worker, router = scenario.worker(), scenario.router()
    tail = scenario.tail("kv-events")
    server.kill()
    scenario.fill(worker)
    for program in (worker, router, tail):
        assert program.terminate(END_SECONDS) == 0
        assert program.lines[-1]["event"] == "stopped"
    # While the server is there, but does not answer.
    server.start()
    worker, router = scenario.worker(), scenario.router()
    server.freeze()
    scenario.fill(worker)
    for program in (worker, router):
        program.signal(signal.SIGTERM)
    for program in (worker, router):
        assert program.wait(END_SECONDS) == 0
