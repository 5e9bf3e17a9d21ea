"""Subscribers that are too slow and messages that are too large."""

import json
import re
import signal
import subprocess

from cluster import wait_for
from scenario import (SOON, Traffic, expect_accounted, expect_equal,
                      expect_whole, let_pass, publisher, streams,
                      wait_for_stream, wait_for_worker)

STANDSTILL = 3
PAYLOAD_MAX = 4096


def test_what_a_stopped_subscriber_drops_is_counted_exactly(scenario):
    scenario.nats_server()
    router = scenario.router({"subscriber.inbox.items_max": 1})
    worker = scenario.worker()
    with Traffic(scenario, worker) as traffic:
        traffic.wait_for_more()
        router.signal(signal.SIGSTOP)
        let_pass(STANDSTILL)
        router.signal(signal.SIGCONT)
        traffic.wait_for_more()
    identity = publisher(worker)["publisher_id"]

    # What was dropped last is known when something comes after it.
    def caught_up():
        scenario.generate(worker)
        sent = publisher(worker)["sequence"]
        return streams(router)[identity]["next_sequence"] >= sent
    wait_for(caught_up, SOON, "the stream to go on")
    stream = expect_accounted(router, worker)
    assert stream["missed"] > 0 and stream["state"] == "partial", stream

    def agree():
        missed = sum(stream["missed"]
                     for subscription in router.get("/streams")["subscriptions"]
                     for stream in subscription["streams"])
        receiver = router.get("/counters")["receiver"]
        seen.update(receiver, missed=missed)
        return missed == receiver["overflowed"]
    seen = {}
    wait_for(agree, SOON, lambda: f"gaps to be what was dropped: {seen}")
    assert seen["overflowed"] > 0


def test_a_subscriber_that_the_server_gives_up_knows_what_it_missed(scenario):
    server = scenario.nats_server({"max_payload": 65536, "max_pending": 131072})
    tail = scenario.tail("bulk", arguments=["--quiet"])
    loud = scenario.tail("bulk")
    speaker = scenario.publish("bulk", "--timeout-s", "60",
                               stdin=subprocess.PIPE)
    line = json.dumps({"hex": "ab" * 30_000}).encode() + b"\n"
    written = 0

    def write(count):
        speaker.stdin.write(line * count)
        speaker.stdin.flush()
        return written + count

    def missed():
        return sum(gap["missed"] for gap in loud.events("stream_gap"))

    written = write(10)
    wait_for(lambda: total(loud) == 10, SOON, "the first ten")
    assert missed() == 0
    loud.signal(signal.SIGSTOP)
    # In step with the other subscriber: no more than the sockets take.
    while "Slow Consumer Detected" not in server.log():
        assert written < 5000
        written = write(10)
        wait_for(lambda: len(tail.events("received")) == written, SOON,
                 "the other subscriber to hear this")
    loud.signal(signal.SIGCONT)
    # Whatever comes after tells what is missing.

    def goes_on():
        nonlocal written
        written = write(1)
        return total(loud) >= written - 5 and missed() > 0
    wait_for(goes_on, SOON, lambda: f"the stream to go on; {total(loud)}")
    speaker.stdin.close()
    assert speaker.wait(SOON) == 0
    report = speaker.wait_for_event("published", SOON)
    assert report["events"] == report["sent"] == written, report
    wait_for(lambda: total(loud) == written, SOON,
             lambda: f"{written} events; it is {total(loud)}")
    assert loud.events("stream_duplicate") == []
    # The other one, which was not stopped, does not suffer.
    wait_for(lambda: len(tail.events("received")) == written, SOON,
             "the other subscriber to hear everything")


def test_a_publisher_goes_on_when_another_subscriber_comes(scenario):
    scenario.nats_server()
    first = scenario.tail("kv_metrics")
    speaker = scenario.publish("kv_metrics", "--timeout-s", "60",
                               stdin=subprocess.PIPE)
    # Some of it is under way when the only subscriber goes.
    half = 20_000
    for _ in range(2):
        speaker.stdin.write(b'{"worker_id": 1}\n' * half)
        speaker.stdin.flush()
        if first.running():
            first.kill()
    speaker.stdin.close()
    second = scenario.tail("kv_metrics")
    assert speaker.wait(SOON) == 0, speaker.stderr()
    report = speaker.wait_for_event("published", SOON)
    assert report["sent"] + report["unheard"] == 2 * half, report
    assert first.events("received") and second.events("received")
    wait_for(lambda: total(second) == 2 * half, SOON,
             lambda: f"{2 * half} events; it is {total(second)}")


def total(tail):
    """Events of the only stream that were received or known to be missed."""
    return (len(tail.events("received")) +
            sum(gap["missed"] for gap in tail.events("stream_gap")))


# -- large messages ------------------------------------------------------------


def stored(event_id):
    return {"worker_id": 77, "event": {
        "event_id": event_id, "dp_rank": 0, "data": {"stored": {
            "parent_hash": None, "start_position": None, "blocks": [
                {"block_hash": event_id, "tokens_hash": event_id}]}}}}


def test_batches_are_split_below_what_the_server_takes(scenario):
    scenario.nats_server({"max_payload": PAYLOAD_MAX})
    tail = scenario.tail("kv-events")
    events = [stored(number) for number in range(1, 201)]
    assert scenario.publish("kv-events", json.dumps(events)).wait(SOON) == 0

    def heard():
        return [event["event"]["event_id"] for line in tail.events("received")
                for event in line["value"]]
    wait_for(lambda: len(heard()) == len(events), SOON,
             lambda: f"200 events; it is {len(heard())}")
    assert heard() == list(range(1, 201))
    lines = tail.events("received")
    assert [line["sequence"] for line in lines] == list(range(len(lines)))
    assert len(lines) > 200 * 50 / PAYLOAD_MAX
    assert tail.events("stream_gap") == []


def test_an_event_above_what_the_server_takes_is_refused_and_a_gap(scenario):
    scenario.nats_server({"max_payload": PAYLOAD_MAX})
    router, worker = scenario.router(), scenario.worker()
    scenario.fill(worker)
    expect_equal(router, worker)
    expect_whole(router, worker)

    scenario.generate(worker, blocks=200)
    wait_for(lambda: publisher(worker)["refused"] == 1, SOON,
             lambda: f"a refusal: {publisher(worker)}")
    numbers = wait_for(
        lambda: [int(number) for line in worker.stderr().splitlines()
                 if str(PAYLOAD_MAX) in line
                 for number in re.findall(r"\b\d{4,6}\b", line)], SOON,
        f"both sizes in the log of {worker}")
    assert max(numbers) > PAYLOAD_MAX, numbers

    scenario.fill(worker, requests=2)
    stream = expect_accounted(router, worker)
    assert stream["missed"] == stream["gaps"] == 1, stream
    wait_for_worker(router, worker, connected=True, state="partial")
    wait_for_stream(router, stream["publisher_id"], "to be partial",
                    lambda now: now["state"] == "partial")
