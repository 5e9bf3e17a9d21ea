"""The directory of discovery goes away, and comes back, in full traffic."""

import shutil

from cluster import wait_for
from scenario import (SOON, Traffic, expect_equal, expect_whole, on_both,
                      wait_for_worker)


def records(scenario):
    """The names of all records."""
    return {path.relative_to(scenario.discovery)
            for path in scenario.discovery.glob("v1/*/*")
            if not path.name.startswith(".tmp_")}


def remove(directory):
    """Also when somebody puts something into it meanwhile."""
    def gone():
        shutil.rmtree(directory, ignore_errors=True)
        return not directory.exists()
    wait_for(gone, SOON, f"{directory} to be gone")


@on_both
def test_nothing_is_lost_when_the_directory_is_removed_and_made_again(scenario):
    router = scenario.router()
    workers = [scenario.worker(), scenario.worker()]
    for worker in workers:
        wait_for_worker(router, worker, discovered=True, connected=True)
    before = records(scenario)
    # Endpoint, model, source and three channels of each.
    assert len(before) == 2 * 6

    with Traffic(scenario, *workers) as traffic:
        traffic.wait_for_more()
        remove(scenario.discovery)
        traffic.wait_for_more()
        scenario.discovery.mkdir(exist_ok=True)
        wait_for(lambda: records(scenario) == before, SOON,
                 "every record to be back")
        for worker in workers:
            wait_for_worker(router, worker, discovered=True, connected=True)
        traffic.wait_for_more()

    expect_equal(router, *workers)
    for worker in workers:
        assert expect_whole(router, worker)["reconnects"] == 0
        wait_for_worker(router, worker, state="in_sync")

    # Whoever comes and goes now is seen: the new directory is watched.
    late = scenario.worker()
    wait_for_worker(router, late, discovered=True, connected=True)
    scenario.fill(late)
    expect_equal(router, late, *workers)
    assert late.terminate() == 0
    router.wait_for_event("worker_left", SOON, worker_id=late.worker_id)
