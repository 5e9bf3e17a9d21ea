#!/usr/bin/env python3
"""Checks what a compiler does not: that includes go down the layers only.

usage: check_layers.py ROOT         lists what is wrong; status 1 if anything is
       check_layers.py --self-test  checks the checker on a small tree of its own

An arrow points at what a layer may include; a header names less than a source.
    apps, examples -> actors -> router | transport | discovery | config
    -> wire -> events -> base

It also knows where each third-party header is at home, how long a file may be,
which words say nothing in a name, that no file names a path outside, and that a
source includes its own header first, which shows that the header stands alone.
"""

import pathlib
import re
import sys
import tempfile

LIBRARY = "libdynamo_events/dynamo"
LAYERS = {  # what each layer may include beside itself
    "base": set(),
    "events": {"base"},
    "wire": {"base", "events"},
    "transport": {"base", "events", "wire"},
    "discovery": {"base", "events", "wire"},
    "router": {"base", "events", "wire"},
    "config": {"base", "events", "wire"},
}
OPTIONS = "dynamo/config/options.hpp"
OPTIONS_FORBIDDEN = {"base", "events", "wire"}
ROOMS = {  # what may be included by directories above the library
    "actors": ("dynamo/", "actors/"),
    "apps": ("dynamo/", "actors/", "apps/"),
    "examples": ("dynamo/", "actors/"),
}
# What ours is measured against stands on the bare libraries.
BASELINES = "apps/bench"
HOMES = [  # third-party headers, and where they may be included
    (r"zmq(_addon)?\.h(pp)?", {"transport", BASELINES}),
    (r"sodium\.h", {"discovery", "transport"}),
    (r"yaml-cpp/.+", {"discovery"}),
    (r"nats(/.*|\.h)", {"transport", BASELINES}),
    (r"curl/.*", {"discovery"}),
    (r"xxhash\.h", {"router"}),
    (r"nlohmann/.*", {"config", "discovery", "apps"}),
    (r"caf/.*", {"actors", "apps", "examples"}),
    (r"(spdlog|CLI|prometheus)/.*|httplib\.h", {"apps"}),
]
SYSTEM = re.compile(r"[a-z_0-9]+|[a-z_0-9]+\.h|(sys|net|netinet|arpa)/.*")
# Intrinsics are the compiler's own.
STANDARD = re.compile(r"[a-z_0-9]+|[a-z]mmintrin\.h")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
TYPE = re.compile(r"^\s*(?:class|struct|enum class)\s+(\w+)[^;]*\{", re.M)
EMPTY_WORDS = {"manager", "helper", "util", "utils", "handler", "processor",
               "data", "info", "context", "service"}
MACHINE_PATH = re.compile(r"(^|[^a-z.])/(home|root|work|Users)/|\.\./shared\b")
LINES_MAX = 400
CODE = {".hpp", ".cpp"}
TEXT = CODE | {".py", ".sh", ".md", ".cmake", ".txt", ".json", ".jsonc", ".in"}
SKIPPED = re.compile(r"(build[^/]*|out|traces|\.git|\.cache|__pycache__)$")


class Component:
    """What a CMakeLists.txt says about one layer."""

    def __init__(self, text):
        words = re.sub(r"#.*", "", text).split()
        self.lists, key = {}, None
        for word in words:
            if word.isupper() and "." not in word:
                key = word
            elif key:
                self.lists.setdefault(key, set()).add(word.rstrip(")"))

    def __getitem__(self, key):
        return self.lists.get(key, set())


class Checker:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.complaints = []
        self.components = {}

    def run(self):
        for layer in LAYERS:
            lists = self.root / LIBRARY / layer / "CMakeLists.txt"
            if lists.exists():
                self.components[layer] = Component(lists.read_text())
                self.check_depends(layer)
        for path in self.files(self.root):
            self.check_names(path)
            if path.suffix in TEXT:
                text = path.read_text(errors="replace")
                self.check_text(path, text)
                if path.suffix in CODE:
                    self.check_code(path, text)
        return sorted(self.complaints)

    def files(self, directory):
        for path in sorted(directory.iterdir()):
            if SKIPPED.match(path.name) or path.is_symlink():
                continue
            if path.is_dir():
                yield from self.files(path)
            else:
                yield path

    def complain(self, path, what):
        self.complaints.append(f"{path.relative_to(self.root)}: {what}")

    def check_depends(self, layer):
        for below in self.components[layer]["DEPENDS"] - LAYERS[layer]:
            self.complain(self.root / LIBRARY / layer / "CMakeLists.txt",
                          f"{layer} may not depend on {below}")

    def check_names(self, path):
        parts = path.relative_to(self.root).parts
        if parts[:2] == ("tests", "data") or "corpus" in parts:
            return
        for part in parts:
            # The suffix of systemd's units is not our choice.
            for word in re.split(r"[_.\-]", part.removesuffix(".service")):
                if word in EMPTY_WORDS:
                    self.complain(path, f'"{word}" in a name says nothing')

    def check_text(self, path, text):
        for number, line in enumerate(text.splitlines(), 1):
            if MACHINE_PATH.search(line):
                self.complain(path, f"line {number} names a path outside "
                                    "the project")

    def check_code(self, path, text):
        if len(text.splitlines()) > LINES_MAX:
            self.complain(path, f"more than {LINES_MAX} lines")
        for name in TYPE.findall(text):
            for word in EMPTY_WORDS & set(name.split("_")):
                self.complain(path, f'"{word}" in {name} says nothing')
        includes = INCLUDE.findall(text)
        for quote, header in includes:
            self.check_include(path, quote, header)
        own = path.with_suffix(".hpp")
        if path.suffix == ".cpp" and own.exists() and (
                not includes or
                not f"/{own.as_posix()}".endswith("/" + includes[0][1])):
            self.complain(path, f'"{own.name}" is not included first')

    def check_include(self, path, quote, header):
        relative = path.relative_to(self.root)
        room = relative.parts[0]
        if quote == '"':
            if not self.exists(path, header):
                self.complain(path, f'"{header}" is not in the project')
            elif relative.is_relative_to(LIBRARY):
                self.check_layer(path, header)
            elif room != "tests" and self.is_private(header):
                self.complain(path, f'"{header}" is private to its layer')
            elif room in ROOMS and not header.startswith(ROOMS[room]):
                self.complain(path, f'{room} may not include "{header}"')
        elif room != "tests":
            self.check_home(path, header)

    def exists(self, path, header):
        places = (self.root, self.root / "libdynamo_events",
                  self.root / "tests", path.parent)
        return any((place / header).exists() for place in places)

    def check_layer(self, path, header):
        layer = self.layer_of(path)
        target = header.split("/")[1] if header.startswith("dynamo/") else None
        if header == OPTIONS and layer not in OPTIONS_FORBIDDEN:
            return
        if target == layer:
            if self.is_public(path) and self.is_private(header):
                self.complain(path, f'"{header}" in a public header')
            return
        if target not in LAYERS.get(layer, set()):
            self.complain(path, f'{layer} may not include "{header}"')
        elif self.is_private(header):
            self.complain(path, f'"{header}" is private to its layer')
        elif target not in self.reach(layer):
            self.complain(path, f'"{header}": {target} is not in DEPENDS '
                                f"of {layer}")
        elif self.is_public(path) and target not in {"base", "events"}:
            self.complain(path, f'"{header}" in a public header')

    def check_home(self, path, header):
        place = self.layer_of(path)
        is_baseline = path.relative_to(self.root).is_relative_to(BASELINES)
        for pattern, homes in HOMES:
            if re.fullmatch(pattern, header):
                if is_baseline and BASELINES in homes:
                    return
                if place not in homes:
                    self.complain(path, f"<{header}> is not at home in {place}")
                elif place in LAYERS and self.is_public(path):
                    self.complain(path, f"<{header}> in a public header")
                return
        if not SYSTEM.fullmatch(header):
            self.complain(path, f"<{header}> has no home yet")
        elif (place in LAYERS and self.is_public(path)
              and not STANDARD.fullmatch(header)):
            self.complain(path, f"<{header}> in a public header")

    def layer_of(self, path):
        relative = path.relative_to(self.root)
        if relative.is_relative_to(LIBRARY):
            return relative.parts[2]
        return relative.parts[0]

    def is_public(self, path):
        return path.suffix == ".hpp" and not self.is_private(
            f"{self.layer_of(path)}/{path.name}")

    def is_private(self, header):
        """A header among a layer's SOURCES is for that layer alone."""
        layer, name = header.split("/")[-2:] if "/" in header else ("", header)
        component = self.components.get(layer)
        return component is not None and name in component["SOURCES"]

    def reach(self, layer):
        """Every layer that DEPENDS leads to."""
        found, todo = set(), [layer]
        while todo:
            component = self.components.get(todo.pop())
            below = component["DEPENDS"] if component else set()
            todo += below - found
            found |= below
        return found


# Each case: a file, its text, and what must be said about it; None if nothing.
CASES = [
    ("wire/codec.cpp", '#include "dynamo/base/error.hpp"\n#include <bit>', None),
    ("transport/peer.cpp", "#include <zmq.hpp>\n#include <sys/socket.h>", None),
    ("transport/zmq_socket.hpp", "#include <zmq.hpp>", None),
    ("config/load.cpp", "#include <nlohmann/json.hpp>", None),
    ("router/cost.hpp", '#include "dynamo/config/options.hpp"', None),
    ("base/bytes.cpp", '#include "dynamo/wire/frame.hpp"', "base may not"),
    ("base/ids.cpp", '#include "dynamo/config/options.hpp"', "base may not"),
    ("router/cost.cpp", '#include "dynamo/transport/zmq.hpp"', "may not include"),
    ("wire/codec.cpp", '#include "actors/event_plane.hpp"', "may not include"),
    ("discovery/file.cpp", '#include "dynamo/wire/frame.hpp"', "in DEPENDS"),
    ("transport/zmq.hpp", '#include "dynamo/wire/frame.hpp"', "public header"),
    ("transport/zmq.hpp", '#include "dynamo/transport/zmq_poll.hpp"',
     "public header"),
    ("transport/peer.cpp", '#include "dynamo/transport/zmq_poll.hpp"', None),
    ("../../apps/main.cpp", '#include "dynamo/transport/zmq_poll.hpp"',
     "private"),
    ("wire/codec.cpp", '#include "dynamo/base/none.hpp"', "not in the project"),
    ("transport/zmq.hpp", "#include <zmq.hpp>", "public header"),
    ("transport/zmq.hpp", "#include <sys/socket.h>", "public header"),
    ("router/cost.hpp", "#include <emmintrin.h>", None),
    ("discovery/file.cpp", "#include <zmq.hpp>", "not at home"),
    ("wire/codec.cpp", "#include <nlohmann/json.hpp>", "not at home"),
    ("router/cost.cpp", "  #  include <caf/all.hpp>", "not at home"),
    ("router/cost.cpp", "#include <boost/asio.hpp>", "no home"),
    ("router/cost_util.cpp", "", "says nothing"),
    ("router/cost.hpp", "class cost_manager {};", "says nothing"),
    ("router/cost.hpp", "\n" * 401, "more than 400"),
    ("router/cost.hpp", "// see /" + "home/me/notes", "outside"),
    ("../../actors/plane.cpp", '#include "apps/app.hpp"', "actors may not"),
    ("../../actors/plane.cpp", "#include <spdlog/spdlog.h>", "not at home"),
    ("../../apps/main.cpp", '#include "actors/event_plane.hpp"', None),
    ("../../tests/unit/x_test.cpp", "#include <zmq.hpp>", None),
    ("../../apps/bench/raw.cpp", "#include <zmq.hpp>", None),
    ("../../apps/main.cpp", "#include <zmq.hpp>", "not at home"),
    ("base/error.cpp", '#include "dynamo/base/error.hpp"\n#include <bit>', None),
    ("base/error.cpp", '#include <bit>\n#include "dynamo/base/error.hpp"',
     "not included first"),
    ("base/error.cpp", "int x;", "not included first"),
    ("router/CMakeLists.txt", "dynamo_add_component(router DEPENDS transport)",
     "may not depend"),
]
TREE = {
    "base/error.hpp": "", "config/options.hpp": "", "wire/frame.hpp": "",
    "transport/zmq.hpp": "", "transport/zmq_poll.hpp": "",
    "../../actors/event_plane.hpp": "", "../../apps/app.hpp": "",
    "../../tests/unit/none.cpp": "",
    "wire/CMakeLists.txt": "dynamo_add_component(wire\n DEPENDS base)",
    "transport/CMakeLists.txt": "dynamo_add_component(transport DEPENDS wire"
                                " SOURCES zmq_poll.hpp zmq_socket.hpp)",
    "discovery/CMakeLists.txt": "dynamo_add_component(discovery DEPENDS base)",
}


def write(root, name, text):
    path = (root / LIBRARY / name).resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def self_test():
    failed = 0
    for name, text, expected in CASES:
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory).resolve()
            for layer in LAYERS:
                (root / LIBRARY / layer).mkdir(parents=True)
            for known, content in TREE.items():
                write(root, known, content)
            write(root, name, text)
            said = Checker(root).run()
        right = not said if expected is None else (
            len(said) == 1 and expected in said[0])
        if not right:
            failed += 1
            print(f"{name} {text[:60]!r}: expected {expected!r}, got {said}")
    print(f"{len(CASES)} cases, {failed} failed")
    return failed


def main():
    if len(sys.argv) != 2:
        print(__doc__.strip())
        return 2
    if sys.argv[1] == "--self-test":
        return 1 if self_test() else 0
    complaints = Checker(sys.argv[1]).run()
    print("\n".join(complaints) if complaints else "layers: nothing to say")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
