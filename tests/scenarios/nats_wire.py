"""A NATS client in a few lines, which shares nothing with cnats.

The protocol is text: every command is a line, and PUB and MSG have a body.
"""

import json
import socket

LINE_MAX = 4096


class Client:
    """One connection, in the clear; every wait has the same limit."""

    def __init__(self, server, seconds):
        self._socket = socket.create_connection(
            server.address.rsplit(":", 1), seconds)
        self._stream = self._socket.makefile("rb")
        self.info = json.loads(self._line().removeprefix(b"INFO "))
        self._say(b'CONNECT {"verbose":false,"pedantic":false}')
        self.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stream.close()
        self._socket.close()

    def subscribe(self, subject):
        """Returns when the server knows it."""
        self._say(b"SUB " + subject.encode() + b" 1")
        self.flush()

    def publish(self, subject, body):
        """Returns when the server has it."""
        self._say(b"PUB %s %d\r\n%s" % (subject.encode(), len(body), body))
        self.flush()

    def receive(self):
        """(subject, body) of the next message; a reply subject is ignored."""
        while True:
            words = self._line().split(b" ")
            if words[0] == b"MSG":
                body = self._stream.read(int(words[-1]) + 2)
                assert body.endswith(b"\r\n")
                return words[1].decode(), body[:-2]
            self._heed(words[0])

    def flush(self):
        """Only before messages can come."""
        self._say(b"PING")
        while (word := self._line().split(b" ")[0]) != b"PONG":
            self._heed(word)

    def _heed(self, word):
        if word == b"PING":
            self._say(b"PONG")
        else:
            assert word in (b"INFO", b"PONG"), word

    def _say(self, line):
        self._socket.sendall(line + b"\r\n")

    def _line(self):
        line = self._stream.readline(LINE_MAX)
        assert line.endswith(b"\r\n"), line
        return line[:-2]
