"""Both kinds of programs while what they meet at fails."""

import signal

import pytest

from cluster import wait_for
from meeting import EXPIRY, SOON, our_names, wait_until_followed, wait_until_held
from peers import names_of, tokens_of
from scenario import expect_equal
from test_to_dynamo import generate
from wire import read_records

WORKER = 7


def still_flows(meeting, kv, ours, theirs, worker, text):
    """New events of both kinds of publishers arrive at both routers."""
    def stored():
        kv.order("cleared")
        kv.order("stored", names=names_of(text, 2), tokens=tokens_of(text, 2))
        try:
            wait_until_held(ours, WORKER, names_of(text, 2), seconds=1)
            return True
        except Exception:  # noqa: BLE001 - what is said in an outage is lost
            return False
    wait_for(stored, 3 * SOON, lambda: f"{ours} to hear Dynamo's publisher")

    follows_again(theirs, worker, text)


def follows_again(theirs, worker, text):
    """Dynamo's router does not ask again for what it missed, but what the cache
    loses and holds anew it hears."""
    def followed():
        worker.post("/clear", {})
        generate(worker, text, 3, number=followed.count)
        followed.count += 1
        try:
            wait_until_followed(theirs, worker, seconds=1)
            return True
        except Exception:  # noqa: BLE001 - it may have to connect first
            return False
    followed.count = 0
    wait_for(followed, 3 * SOON, lambda: f"Dynamo to follow {worker}, which "
                                         f"holds {our_names(worker)}")


@pytest.mark.case("Servers that restart")
def test_events_flow_after_a_restart(meeting):
    theirs = meeting.dynamo.start("router")
    ours = meeting.our_router()
    worker = meeting.our_worker()
    kv = meeting.dynamo.start("kv", "--worker", WORKER)
    meeting.wait_until_connected(ours, 2)
    still_flows(meeting, kv, ours, theirs, worker, 1)
    for server in meeting.servers():
        server.kill()
        server.start()
        still_flows(meeting, kv, ours, theirs, worker, 2)


@pytest.mark.case("Records that are reaped")
def test_who_stood_still_is_there_again(meeting):
    """Both kinds remove the files of who has not touched them for 10 s. Ours puts
    its own again; a publisher of Dynamo stays unknown then, to all."""
    theirs = meeting.dynamo.start("router")
    ours = meeting.our_router()
    worker = meeting.our_worker()
    kv = meeting.dynamo.start("kv", "--worker", WORKER)
    meeting.wait_until_connected(ours, 2)
    still_flows(meeting, kv, ours, theirs, worker, 1)
    both = (worker, kv.program)
    for program in both:
        program.signal(signal.SIGSTOP)
    try:
        wait_for(lambda: not read_records(meeting.discovery, "event_sources"),
                 EXPIRY, "the records of both to be reaped")
    finally:
        for program in both:
            program.signal(signal.SIGCONT)
    wait_for(lambda: read_records(meeting.discovery, "event_sources"), SOON,
             "our worker to put its record again")

    follows_again(theirs, worker, 2)
    expect_equal(ours, worker)
