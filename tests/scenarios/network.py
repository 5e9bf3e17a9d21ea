"""A network of loopback that can be cut.

Connections go through ways of it. What is sent over a way that is cut waits, as
it does when packets are lost: nothing ends, nobody is refused, and everything
arrives once the network is whole again.
"""

import contextlib
import os
import pathlib
import re
import socket
import threading

LOOPBACK = "127.0.0.1"
CHUNK_BYTES = 65536
# Connected or listening: both ports, and the inode.
LIVING_SOCKET = re.compile(rb": \w{8}:(\w{4}) \w{8}:(\w{4}) (?:01|0A)"
                           rb" \S+ \S+ \S+ +\d+ +\d+ (\d+) ")


class Network:
    """Ways to ports of loopback; `with` leaves none of them open."""

    def __init__(self):
        self._changed = threading.Condition()
        # Who is cut off, and the ports of their sockets.
        self._pids = set()
        self._ports = set()
        self._sockets = set()
        self._is_over = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with self._changed:
            self._is_over = True
            self._changed.notify_all()
            for each in self._sockets:
                # Whoever waits for something from it is woken.
                end(each)

    def way_to(self, port):
        """A port that leads to another, on which somebody may listen later."""
        listener = socket.create_server((LOOPBACK, 0), backlog=128)
        self._sockets.add(listener)
        run(self._accept, listener, port)
        return listener.getsockname()[1]

    def cut_off(self, program):
        """Nothing from this program arrives, and nothing that is sent to it."""
        with self._changed:
            self._pids.add(program.pid)
            self._ports |= ports_of(program.pid)

    def mend(self):
        with self._changed:
            self._pids.clear()
            self._ports.clear()
            self._changed.notify_all()

    # -- connections ----------------------------------------------------------

    def _accept(self, listener, port):
        with listener, contextlib.suppress(OSError):
            while True:
                near, (_, source) = listener.accept()
                run(self._carry, near, {source, port}, port)

    def _carry(self, near, ends, port):
        """One connection, from its beginning to its end."""
        with near, contextlib.suppress(OSError):
            for pid in set(self._pids):
                found = ports_of(pid)
                with self._changed:
                    self._ports |= found if pid in self._pids else set()
            self._pass(ends)
            with socket.create_connection((LOOPBACK, port)) as far:
                with self._changed:
                    self._sockets |= {near, far}
                back = run(self._copy, far, near, ends)
                self._copy(near, far, ends)
                back.join()
                with self._changed:
                    self._sockets -= {near, far}

    def _copy(self, source, target, ends):
        with contextlib.suppress(OSError):
            while True:
                said = source.recv(CHUNK_BYTES)
                self._pass(ends)
                if not said:
                    break
                target.sendall(said)
        end(source)
        end(target)

    def _pass(self, ends):
        """Returns when the way between these ports is open."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._is_over or not self._ports & ends)


def run(function, *arguments):
    thread = threading.Thread(target=function, args=arguments, daemon=True)
    thread.start()
    return thread


def end(connection):
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def ports_of(pid):
    """Where a process listens, and its ends of connections."""
    return {near for near, _ in connections_of(pid)}


def connections_of(*pids):
    """(its port, the other's) of all TCP sockets of these processes.

    The table is long where many connections have ended a moment ago.
    """
    held = set()
    for pid in pids:
        for each in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                held.add(os.readlink(each))
    rows = LIVING_SOCKET.findall(pathlib.Path("/proc/net/tcp").read_bytes())
    return {(int(near, 16), int(far, 16)) for near, far, inode in rows
            if f"socket:[{inode.decode()}]" in held}
