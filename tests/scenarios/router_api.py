"""A router's HTTP API, held against its own description in every exchange."""

import http.client
import json
import urllib.parse

import pytest

from cluster import ROOT
from openapi import Document
from scenario import SOON, expect_equal

BLOCK = 16


@pytest.fixture(scope="module")
def document():
    return Document(json.loads((ROOT / "apps/router/openapi.json").read_text()))


class Api:
    """Speaks with a router, and checks every answer against the document."""

    def __init__(self, router, document):
        self.router = router
        self.document = document
        self.seen = set()

    def send(self, method, path, body=None, headers=None):
        """(status, content type, text), unchecked; `body` is text or JSON."""
        text = body if body is None or isinstance(body, (str, bytes)) \
            else json.dumps(body)
        headers = {"Content-Type": "application/json", **(headers or {})}
        connection = http.client.HTTPConnection(self.router.address, timeout=30)
        try:
            connection.request(method, path, text, headers)
            answer = connection.getresponse()
            return (answer.status, answer.getheader("Content-Type"),
                    answer.read().decode())
        finally:
            connection.close()

    def call(self, method, path, body=None, expect=200):
        """The answer's value."""
        status, kind, text = self.send(method, path, body)
        assert status == expect, f"{method} {path}: {status}: {text[:500]}"
        self.seen.add((method, self.document.path_of(path), status))
        return self.document.check_answer(method, path, status, kind, text)

    def refuse(self, method, path, body, status, code):
        """The sentence of a failure."""
        error = self.call(method, path, body, expect=status)["error"]
        assert error["code"] == code, error
        assert error["message"], error
        return error["message"]


@pytest.fixture
def api(scenario, document):
    """A router with one worker that holds something."""
    worker = scenario.worker()
    router = scenario.router()
    router.wait_for_event("worker_joined", SOON, worker_id=worker.worker_id)
    scenario.fill(worker, requests=3)
    expect_equal(router, worker)
    made = Api(router, document)
    made.worker = worker
    return made


def tokens(blocks, first=1):
    return list(range(first, first + blocks * BLOCK))


# -- the document ---------------------------------------------------------------
