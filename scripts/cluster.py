"""Starts the programs of this project and looks after them.

Used by scripts/demo.py and by tests/scenarios. Everything a cluster starts is
ended with it, and its directory removed, however the block ends:

    with Cluster(find_programs()) as cluster:
        worker = cluster.start("dynamo-worker", config="worker-demo.jsonc")
        wait_for(lambda: worker.get("/readyz") is not None, 5, "a ready worker")

Standard library only.
"""

import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Variables that would change what a configuration file says.
FOREIGN_VARIABLES = ("DYN_", "NATS_", "ETCD_", "ZMQ_", "KUBE", "POD_",
                     "CONTAINER_NAME")

START_SECONDS = 20
END_SECONDS = 30
POLL_SECONDS = 0.02
LOG_TAIL_LINES = 25
HTTP_SECONDS = 15


class Failure(Exception):
    """Something did not happen in time, or a program is not as it should be."""


class Refused(Failure):
    """An answer with a status from 400 on."""

    def __init__(self, status, body):
        super().__init__(f"HTTP {status}: {body}")
        self.status = status
        self.body = body


def wait_for(condition, seconds, what):
    """Returns the first true value of `condition`, asked again and again.

    `what` completes the sentence "waited in vain for ...", and may be a
    function, so that it can tell how things are at the end.
    """
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            text = what() if callable(what) else what
            raise Failure(f"waited {seconds} s in vain for {text}")
        time.sleep(POLL_SECONDS)


def find_programs(directory=None):
    """Where the programs are: `directory`, $DYNAMO_BIN, or build/release.

    Takes a directory that holds them, or a build directory.
    """
    place = directory or os.environ.get("DYNAMO_BIN") or ROOT / "build/release"
    return Programs(pathlib.Path(place).resolve())


class Programs:
    """The executables of one build."""

    def __init__(self, place):
        self.place = place

    def path(self, name):
        short = name.removeprefix("dynamo-")
        nested = self.place / "apps" / short / name
        for candidate in (self.place / name, nested):
            if candidate.is_file():
                return str(candidate)
        raise Failure(f"{name} is not in {self.place}; build it, or name a "
                      "build directory with --bin or DYNAMO_BIN")


def clean_environment(extra=None):
    """This process's environment without what would configure a program."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(FOREIGN_VARIABLES)}
    kept.update(extra or {})
    return kept


def request(address, method, path, body=None, seconds=HTTP_SECONDS):
    """One HTTP exchange of JSON; raises Refused, or OSError without answer."""
    connection = http.client.HTTPConnection(address, timeout=seconds)
    try:
        text = None if body is None else json.dumps(body)
        headers = {} if body is None else {"Content-Type": "application/json"}
        connection.request(method, path, text, headers)
        answer = connection.getresponse()
        content = answer.read().decode()
    except http.client.HTTPException as reason:
        raise OSError(f"{method} {path} at {address}: {reason!r}") from reason
    finally:
        connection.close()
    if answer.status >= 400:
        raise Refused(answer.status, content)
    return json.loads(content)


class Program:
    """One process, its JSON lines and its logs."""

    def __init__(self, name, command, directory, environment, stdin=None):
        self.name = name
        self.command = command
        self.lines = []
        self.killed = False
        # How it is asked to end, and whether others need it until they ended.
        self.end_signal = signal.SIGTERM
        self.pod = None
        self.serves_others = False
        self._changed = threading.Condition()
        self.stdout_path = directory / f"{name}.out"
        self.stderr_path = directory / f"{name}.err"
        self._stdout_log = open(self.stdout_path, "wb")
        # A group of its own: Ctrl-C is for whoever started the cluster.
        with open(self.stderr_path, "wb") as stderr:
            self._process = subprocess.Popen(
                command, stdin=stdin or subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=stderr, env=environment,
                cwd=directory, process_group=0)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __repr__(self):
        return f"<{self.name} {self.pid}>"

    # -- what it says ---------------------------------------------------------

    def _read(self):
        for line in self._process.stdout:
            self._stdout_log.write(line)
            self._stdout_log.flush()
            try:
                value = json.loads(line)
            except ValueError:
                value = {"event": "text", "text": line.decode(errors="replace")}
            with self._changed:
                self.lines.append(value)
                self._changed.notify_all()
        self._stdout_log.close()

    def events(self, event, **fields):
        """The lines so far of this event whose members are `fields`."""
        with self._changed:
            lines = list(self.lines)
        return [line for line in lines if line.get("event") == event and
                all(line.get(name) == value for name, value in fields.items())]

    def wait_for_event(self, event, seconds, **fields):
        """The first such line, also one that came before the call."""
        deadline = time.monotonic() + seconds
        while True:
            found = self.events(event, **fields)
            if found:
                return found[0]
            if not self.running():
                self._reader.join(END_SECONDS)
                found = self.events(event, **fields)
                if found:
                    return found[0]
                raise Failure(f"{self.name} ended with {self.exit_code} before "
                              f"it said {event} {fields or ''}")
            left = deadline - time.monotonic()
            if left <= 0:
                raise Failure(f"{self.name} did not say {event} {fields or ''} "
                              f"within {seconds} s")
            with self._changed:
                self._changed.wait(min(left, 0.1))

    def started(self, seconds=START_SECONDS):
        return self.wait_for_event("started", seconds)

    @property
    def address(self):
        """HOST:PORT of its HTTP face."""
        return self.started()["http"]

    @property
    def worker_id(self):
        return self.started()["worker_id"]

    def get(self, path, seconds=HTTP_SECONDS):
        return request(self.address, "GET", path, seconds=seconds)

    def post(self, path, body, seconds=HTTP_SECONDS):
        return request(self.address, "POST", path, body, seconds)

    def ready(self):
        """Whether /readyz says so; for wait_for."""
        try:
            self.get("/readyz")
            return True
        except (OSError, Refused):
            return False

    def stderr(self):
        return self.stderr_path.read_text(errors="replace")

    # -- its life -------------------------------------------------------------

    @property
    def pid(self):
        return self._process.pid

    @property
    def stdin(self):
        return self._process.stdin

    @property
    def exit_code(self):
        return self._process.poll()

    def running(self):
        return self._process.poll() is None

    def signal(self, number):
        self._process.send_signal(number)

    def kill(self):
        self.killed = True
        self.signal(signal.SIGKILL)
        return self.wait(END_SECONDS)

    def terminate(self, seconds=END_SECONDS):
        """Asks it to end; its exit code."""
        self.signal(self.end_signal)
        return self.wait(seconds)

    def wait(self, seconds):
        """Its exit code, and all it said is in `lines`."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(
                f"{self.name} did not end within {seconds} s") from None
        self._reader.join(END_SECONDS)
        return code

    def end(self, deadline):
        """Whatever state it is in: afterwards it is gone.

        Returns what was not as it should be, or nothing.
        """
        complaint = None
        try:
            code = self._process.wait(max(0, deadline - time.monotonic()))
            if code < 0 and not self.killed:
                complaint = f"{self.name} died of signal {-code}"
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            complaint = f"{self.name} did not end when asked to"
        self._reader.join(END_SECONDS)
        if self._process.stdin:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        return complaint

    def log_tail(self):
        parts = []
        for path in (self.stdout_path, self.stderr_path):
            lines = path.read_text(errors="replace").splitlines()
            if lines:
                parts.append(f"--- {path.name}, {len(lines)} lines, exit code "
                             f"{self.exit_code}")
                parts += [line[:300] for line in lines[-LOG_TAIL_LINES:]]
        return "\n".join(parts)


class Cluster:
    """Programs that share a temporary directory and its file discovery.

    `settings` are keys of the configuration for every program; what start() is
    given goes before.
    """

    def __init__(self, programs, keep=False):
        self.programs = programs
        self.keep = keep
        self.settings = {}
        self.members = []
        # On Kubernetes: gives each program a pod of its own (kube.Pods).
        self.pods = None
        self._names = {}
        self.directory = None

    def __enter__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="dynamo-"))
        self.discovery = self.directory / "discovery"
        self.logs = self.directory / "logs"
        self.logs.mkdir()
        return self

    def __exit__(self, kind, reason, trace):
        self.close()

    def start(self, name, *arguments, config=None, http=True, wait=True,
              environment=None, stdin=None, settings=None):
        """Starts a program with --json on this cluster's discovery directory.

        `config` is a path, or the name of a file in configs/. `settings` are
        keys of the configuration, given as --set. With `wait` it returns when
        the program has said "started".
        """
        command = [self.programs.path(name), *map(str, arguments), "--json",
                   "--file-root", str(self.discovery)]
        if config is not None:
            path = pathlib.Path(config)
            path = path if path.is_absolute() else ROOT / "configs" / path
            command += ["--config", str(path)]
        for key, value in (self.settings | (settings or {})).items():
            text = value if isinstance(value, str) else json.dumps(value)
            command += ["--set", f"{key}={text}"]
        if http:
            command += ["--http", "127.0.0.1:0"]
        pod = self.pods.new(name) if self.pods else None
        if pod:
            environment = pod.environment() | (environment or {})
        program = self.start_command(name, command, False, environment, stdin)
        program.pod = pod
        if wait:
            program.started()
        return program

    def start_command(self, name, command, wait=False, environment=None,
                      stdin=None):
        """Starts any command; it is ended with the cluster."""
        number = self._names[name] = self._names.get(name, 0) + 1
        program = Program(f"{name}-{number}", [str(word) for word in command],
                          self.logs, clean_environment(environment), stdin)
        self.members.append(program)
        if wait:
            program.started()
        return program

    def close(self):
        """Ends every process: asked first, killed after five seconds.

        Returns what was not as it should be: who crashed, who had to be killed.
        Later calls do nothing.
        """
        complaints = []
        for serving in (False, True):
            complaints += self._end([each for each in self.members
                                     if each.serves_others == serving])
        if self.directory and not self.keep:
            shutil.rmtree(self.directory, ignore_errors=True)
        return [complaint for complaint in complaints if complaint]

    @staticmethod
    def _end(programs):
        """Ends these at the same time; what was not as it should be."""
        asked = [program for program in programs if program.running()]
        for program in asked:
            program.signal(program.end_signal)
            # A stopped process answers no other signal.
            program.signal(signal.SIGCONT)
        deadline = time.monotonic() + END_SECONDS
        complaints = [program.end(deadline) for program in programs]
        return complaints + [f"{program.name} ended with {program.exit_code}"
                             for program in asked if program.exit_code > 0]

    def log_tails(self):
        tails = [each.log_tail() for each in self.members]
        return "\n".join(tail for tail in tails if tail)
