"""Whoever listens late: what waited for the first is not lost, and what the
second one missed is known exactly."""

from scenario import (SOON, device_blocks, expect_equal, expect_whole,
                      held_blocks, on_both, publisher, quiet_publisher,
                      wait_for_stream, wait_for_subscribers, wait_for_worker)


@on_both
def test_what_was_published_before_any_router_ran_is_not_lost(scenario):
    worker = scenario.worker()
    scenario.fill(worker, requests=30)
    before = publisher(worker)
    assert before["accepted"] == 30 and before["sent"] == 0, before

    router = scenario.router()
    expect_equal(router, worker)
    stream = expect_whole(router, worker)
    assert stream["state"] == "in_sync"
    wait_for_worker(router, worker, discovered=True, connected=True,
                    state="in_sync")
    assert router.events("stream_gap",
                         publisher_id=stream["publisher_id"]) == []


@on_both
def test_a_later_router_knows_exactly_what_it_missed(scenario):
    worker = scenario.worker()
    first = scenario.router()
    wait_for_subscribers(worker, 1)
    scenario.fill(worker, requests=20)
    expect_equal(first, worker)
    before = quiet_publisher(worker)["sequence"]
    assert before > 0

    second = scenario.router()
    wait_for_subscribers(worker, 2)
    scenario.fill(worker, requests=10)
    after = quiet_publisher(worker)
    stream = wait_for_stream(
        second, after["publisher_id"], "to be up to date",
        lambda now: now["next_sequence"] == after["sequence"])
    assert stream["missed"] == before
    assert stream["received"] == after["sequence"] - before
    assert stream["gaps"] == 1
    assert stream["state"] == "partial"
    wait_for_worker(second, worker, connected=True, state="partial")
    second.wait_for_event("stream_gap", SOON,
                          publisher_id=after["publisher_id"])

    # The first is whole, and the second believes nothing that is not so.
    expect_equal(first, worker)
    expect_whole(first, worker)
    assert len(device_blocks(second, worker)) == 10 * 4
    assert device_blocks(second, worker) < held_blocks(worker)


def test_a_restarted_router_knows_exactly_what_it_missed(scenario):
    workers = [scenario.worker(), scenario.worker()]
    first = scenario.router()
    for worker in workers:
        wait_for_subscribers(worker, 1)
        scenario.fill(worker, requests=15)
    expect_equal(first, *workers)
    before = [quiet_publisher(worker)["sequence"] for worker in workers]
    first.kill()
    for worker in workers:
        wait_for_subscribers(worker, 0)
        # Nobody hears this; it waits for whoever comes next.
        scenario.fill(worker, requests=5)

    second = scenario.router()
    for worker, missed in zip(workers, before):
        wait_for_subscribers(worker, 1)
        after = quiet_publisher(worker)
        stream = wait_for_stream(
            second, after["publisher_id"], "to be up to date",
            lambda now: now["next_sequence"] == after["sequence"])
        assert stream["missed"] == missed
        assert stream["received"] == after["sequence"] - missed > 0
        assert len(device_blocks(second, worker)) == 5 * 4
        assert device_blocks(second, worker) < held_blocks(worker)

    # When all that it never heard of is evicted, it knows everything again.
    for worker in workers:
        scenario.fill(worker, requests=64)
    expect_equal(second, *workers)
