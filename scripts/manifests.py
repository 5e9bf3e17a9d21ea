#!/usr/bin/env python3
"""Writes the ConfigMap of deploy/kubernetes from files in configs/.

usage: scripts/manifests.py [--check]

With --check it only says whether the ConfigMap is as it would be written.

Standard library only.
"""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = ROOT / "deploy/kubernetes/base/configuration.yaml"
PREFIX = "kubernetes-"
HEAD = """\
# Written by scripts/manifests.py from configs/kubernetes-*.jsonc; change those.
apiVersion: v1
kind: ConfigMap
metadata:
  name: dynamo-events
data:
"""


def text():
    written = HEAD
    for path in sorted((ROOT / "configs").glob(f"{PREFIX}*.jsonc")):
        written += f"  {path.name.removeprefix(PREFIX)}: |\n"
        for line in path.read_text(encoding="utf-8").splitlines():
            written += f"    {line}\n" if line else "\n"
    return written


def main():
    if sys.argv[1:] == ["--check"]:
        if TARGET.read_text(encoding="utf-8") != text():
            sys.exit(f"{TARGET.relative_to(ROOT)}: expected what "
                     "scripts/manifests.py writes; run it")
        return
    if sys.argv[1:]:
        sys.exit(__doc__.strip())
    TARGET.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
