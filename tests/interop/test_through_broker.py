"""Dynamo's publishers and subscribers in broker mode, on our broker."""

import pytest

from cluster import wait_for
from meeting import SOON

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
