"""Dynamo's publishers and subscribers in broker mode, on our brokers."""

import contextlib

import pytest

from brokers import Brokers, wait_for_brokers
from cluster import wait_for
from meeting import (SOON, our_overlap, their_overlap, wait_until_followed,
                     wait_until_held)
from membership import Membership
from peers import names_of, tokens_of
from scenario import expect_equal
from test_to_dynamo import generate

WORKER = 7


def hears_through(meeting, variables):
    """A forward pass goes from a publisher of Dynamo to a subscriber of Dynamo;
    says what the subscriber printed."""
    hears = meeting.dynamo.start("hear-passes", environment=variables)
    passes = meeting.dynamo.start("passes", "--worker", WORKER,
                                  environment=variables)

    def heard():
        passes.order("ran", scheduled_num_decode_requests=3)
        return [line for line in hears.heard("pass")
                if line["value"] and line["value"]["scheduled_requests"][
                    "num_decode_requests"] == 3]
    return wait_for(heard, SOON, lambda: f"a pass; there is "
                                         f"{hears.program.lines[-3:]}")


def expect_passed_on(broker):
    counts = broker.get("/counters")
    assert counts["delivered"] > 0, counts
    assert counts["bad"] == counts["missed"] == 0, counts
    assert counts["received"] == counts["delivered"] + counts["unheard"], counts


@pytest.mark.case("Dynamo through our broker")
def test_by_its_address(meeting):
    broker = meeting.our_broker()
    told = broker.started()
    hears_through(meeting, {"DYN_ZMQ_BROKER_URL":
                            f"xsub={told['xsub']},xpub={told['xpub']}"})
    expect_passed_on(broker)


@pytest.mark.case("Dynamo through our broker")
def test_by_its_record(meeting):
    broker = meeting.our_broker()
    hears_through(meeting, {"DYN_ZMQ_BROKER_ENABLED": "true"})
    expect_passed_on(broker)


@pytest.mark.core
@pytest.mark.case("Both kinds through two brokers")
def test_workers_and_routers_of_both_kinds(meeting):
    brokers = Brokers(meeting, 2)
    meeting.settings |= brokers.settings()
    variables = {"DYN_ZMQ_BROKER_URL": brokers.url()}
    with contextlib.closing(Membership(meeting)) as members:
        members.join(WORKER)
        theirs = meeting.dynamo.start("router", environment=variables)
        ours = meeting.our_router()
        worker = meeting.our_worker()
        for program in (ours, worker):
            wait_for_brokers(program, 2)
        for text in range(1, 6):
            generate(worker, text, 3)
        wait_until_followed(theirs, worker)
        expect_equal(ours, worker)

        kv = meeting.dynamo.start("kv", "--worker", WORKER,
                                  environment=variables)
        names = names_of(9, 3)

        def known():
            # What it says before the brokers know its subscribers is lost.
            kv.order("cleared")
            kv.order("stored", names=names, tokens=tokens_of(9, 3))
            return (WORKER, 0) in their_overlap(theirs, tokens_of(9, 3))
        wait_for(known, SOON, f"Dynamo to follow {WORKER}")
        wait_until_held(ours, WORKER, names)
        brokers.programs[0].kill()
        for text in range(20, 26):
            generate(worker, text, 3)
        wait_until_followed(theirs, worker)
        expect_equal(ours, worker)
        local = theirs.order("hashes", tokens=tokens_of(9, 3),
                             block_size=16)["local"]
        assert our_overlap(ours, local) == their_overlap(
            theirs, tokens_of(9, 3)) == {(WORKER, 0): (3, 3, 3)}
