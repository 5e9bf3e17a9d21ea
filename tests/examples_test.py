#!/usr/bin/env python3
"""Runs the examples, and sees that every event arrives.

usage: examples_test.py PUBLISHER SUBSCRIBER COMPOSED_WORKER [DYNAMO_EVENTS]

Without dynamo-events the composed worker has nobody to listen to it, and its
test is skipped. Standard library only.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

DEADLINE_SECONDS = 30
FOREIGN_VARIABLES = ("DYN_", "NATS_", "ETCD_", "ZMQ_")

programs = {}


def environment():
    """Without the variables that would change what a program does."""
    return {name: value for name, value in os.environ.items()
            if not name.startswith(FOREIGN_VARIABLES)}


@contextlib.contextmanager
def started(*command, **variables):
    """A process that is gone when the block ends, however it ends."""
    process = subprocess.Popen(command, env=dict(environment(), **variables),
                               text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


class Examples(unittest.TestCase):

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="dynamo-examples-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def output_of(self, process):
        output, errors = process.communicate(timeout=DEADLINE_SECONDS)
        self.assertEqual(process.returncode, 0, errors)
        return output

    def numbers_heard(self, first, second):
        """The loads that the subscriber prints, whoever is started first."""
        with started(*first) as one, started(*second) as two:
            subscriber = one if first[0] == programs["subscriber"] else two
            publisher = two if subscriber is one else one
            heard = self.output_of(subscriber)
            self.output_of(publisher)
        self.assertNotIn("missing", heard)
        return [int(number) for number in re.findall(r"uses (\d+) blocks",
                                                     heard)]

    def publisher(self):
        return programs["publisher"], self.directory

    def subscriber(self):
        return programs["subscriber"], self.directory, "100"

    def test_a_subscriber_hears_every_event_of_a_later_publisher(self):
        heard = self.numbers_heard(self.subscriber(), self.publisher())
        self.assertEqual(heard, list(range(1, 101)))

    def test_a_subscriber_hears_every_event_of_an_earlier_publisher(self):
        heard = self.numbers_heard(self.publisher(), self.subscriber())
        self.assertEqual(heard, list(range(1, 101)))

    def test_every_block_of_the_composed_worker_is_heard(self):
        if "dynamo-events" not in programs:
            self.skipTest("dynamo-events is not built")
        tail = (programs["dynamo-events"], "tail", "dynamo/backend/generate",
                "kv-events", "--json", "--event-plane", "zmq",
                "--discovery", "file", "--timeout-s", str(DEADLINE_SECONDS))
        worker = (programs["composed_worker"], self.directory, "50")
        heard = []
        with started(*tail, DYN_FILE_KV=self.directory) as listener, \
                started(*worker) as process:
            # One message may hold several events. The listener ends by itself
            # at the deadline.
            for line in listener.stdout:
                fact = json.loads(line)
                self.assertNotIn("gap", fact["event"])
                if fact["event"] == "received":
                    heard += [one["event"]["event_id"] for one in fact["value"]]
                if len(heard) >= 50:
                    break
            self.output_of(process)
        self.assertEqual(heard, list(range(1, 51)))

    def test_the_examples_say_how_they_are_used(self):
        for name in ("publisher", "subscriber", "composed_worker"):
            with started(programs[name]) as process:
                _, errors = process.communicate(timeout=DEADLINE_SECONDS)
                self.assertEqual(process.returncode, 2)
                self.assertIn("usage:", errors)


if __name__ == "__main__":
    names = ("publisher", "subscriber", "composed_worker", "dynamo-events")
    programs.update(zip(names, filter(None, sys.argv[1:])))
    unittest.main(argv=sys.argv[:1], verbosity=2)
