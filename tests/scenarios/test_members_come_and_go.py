"""Eight publishers and four subscribers that come and go at random.

Event n of a publisher carries n, and is its message n. So what each subscriber
heard of each publisher can be compared with what was said, event by event.
"""

import json
import math
import random
import subprocess
import time

from cluster import POLL_SECONDS, wait_for
from scenario import SOON, on_both

PUBLISHERS = 8
SUBSCRIBERS = 4
SECONDS = 20
EVENTS_PER_SECOND = 40
LAST_WORDS_SECONDS = 1
TOPIC = "kv_metrics"


class Speaker:
    """A publisher for a while: dynamo-events with lines on its stdin."""

    def __init__(self, scenario, number, now, chance):
        self.number = number
        self.program = scenario.publish(TOPIC, stdin=subprocess.PIPE)
        self.began = now
        self.ends = now + chance.uniform(3, 6)
        # Some are killed, and nobody knows then how far they came.
        self.dies = chance.random() < 0.2
        self.written = 0
        self.ended = False
        # Whoever listens after this has had the time to hear its last words.
        self.gone = math.inf

    def speak(self, now):
        """Writes the lines that are due; ends when it is time."""
        due = int((min(now, self.ends) - self.began) * EVENTS_PER_SECOND)
        lines = "".join(
            json.dumps({"worker_id": self.number, "kv_used_blocks": n}) + "\n"
            for n in range(self.written, due))
        self.program.stdin.write(lines.encode())
        self.program.stdin.flush()
        self.written = max(due, self.written)
        if now >= self.ends:
            self.end()

    def end(self):
        if self.dies:
            self.program.kill()
        else:
            self.program.stdin.close()
        self.ended = True

    def finished(self):
        if not self.ended or self.program.running():
            return False
        self.gone = time.monotonic() + LAST_WORDS_SECONDS
        return True


class Listener:
    """A subscriber for a while."""

    def __init__(self, scenario, now, chance):
        self.program = scenario.tail(TOPIC)
        # Later speakers find it connected.
        self.since = time.monotonic()
        self.ends = now + chance.uniform(3, 8)
        self.until = None

    def end(self):
        self.until = time.monotonic()
        assert self.program.terminate() == 0

    def heard(self):
        """Speaker's number -> what was heard, gap notices in their places."""
        numbers = {}
        told = {}
        with_gaps = [line for line in self.program.lines
                     if line["event"] in ("received", "stream_gap",
                                          "stream_duplicate",
                                          "stream_unreadable")]
        for line in with_gaps:
            told.setdefault(line["publisher_id"], []).append(line)
            if line["event"] == "received":
                numbers[line["publisher_id"]] = line["value"]["worker_id"]
        return {numbers[publisher]: lines for publisher, lines in told.items()
                if publisher in numbers}


def account(lines):
    """(received, missed, next number); every hole was told, exactly."""
    received = missed = due = 0
    for line in lines:
        if line["event"] == "stream_gap":
            missed += line["missed"]
            due += line["missed"]
            continue
        assert line["event"] == "received", line
        assert line["sequence"] == due, (line, due)
        assert line["value"]["kv_used_blocks"] == due, line
        received += 1
        due += 1
    return received, missed, due


def run_for_a_while(scenario, chance):
    speakers, listeners = [], []
    current = [None] * PUBLISHERS
    ears = [None] * SUBSCRIBERS
    end = time.monotonic() + SECONDS
    while (now := time.monotonic()) < end:
        for i, listener in enumerate(ears):
            if listener and now >= listener.ends:
                listener.end()
                listener = None
            if listener is None:
                ears[i] = Listener(scenario, now, chance)
                listeners.append(ears[i])
        for i, speaker in enumerate(current):
            if speaker and not speaker.ended:
                speaker.speak(now)
            if speaker is None or speaker.finished():
                current[i] = Speaker(scenario, len(speakers), now, chance)
                speakers.append(current[i])
        time.sleep(POLL_SECONDS)
    for speaker in current:
        if not speaker.ended:
            speaker.end()
    return speakers, listeners


def totals_of(speakers):
    """Speaker's number -> how much it said; killed ones left out."""
    totals = {}
    for speaker in speakers:
        code = speaker.program.wait(SOON)
        if speaker.dies:
            continue
        assert code == 0, speaker.program.log_tail()
        report = speaker.program.wait_for_event("published", SOON)
        assert report["events"] == report["sent"] == speaker.written, report
        totals[speaker.number] = speaker.written
    return totals


@on_both
def test_every_event_of_every_stream_is_accounted_for(scenario):
    chance = random.Random(20)
    speakers, listeners = run_for_a_while(scenario, chance)
    totals = totals_of(speakers)
    present = [listener for listener in listeners if listener.until is None]
    assert len(present) == SUBSCRIBERS

    # Those that are still there have everything in the end.
    def drained():
        return all(account(lines)[2] >= totals.get(number, 0)
                   for listener in present
                   for number, lines in listener.heard().items())
    wait_for(drained, SOON, "the last events to arrive")

    whole = 0
    for listener in listeners:
        heard = listener.heard()
        for speaker in speakers:
            received, missed, due = account(heard.get(speaker.number, []))
            assert due <= speaker.written
            if speaker.number not in totals:
                continue
            stayed = listener.until is None or listener.until > speaker.gone
            if was_there(listener, speaker) or stayed and received > 0:
                assert received + missed == totals[speaker.number]
            whole += missed == 0 < received
    # The run was of the kind that is meant.
    assert len(speakers) > 2 * PUBLISHERS and len(listeners) > 2 * SUBSCRIBERS
    assert whole > 10


def was_there(listener, speaker):
    """Whether it listened from before the speaker began until it had ended."""
    return (listener.since < speaker.began and
            (listener.until is None or listener.until > speaker.gone))
