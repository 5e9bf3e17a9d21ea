#!/usr/bin/env python3
"""Writes performance.md and its pictures from reports of dynamo-bench.

usage: performance.py REPORT... DIRECTORY

A measure that is in several reports is taken from the last one. Machine,
versions and pairs are those of the first. All that was taken is kept as
performance/figures.json, which is a report, too: with it and a new one of some
measures, those are written anew.

Standard library only.
"""

import html
import json
import pathlib
import sys

# Of a picture, in pixels.
WIDTH, BAR, GAP, LEFT, RIGHT = 760, 16, 10, 250, 110

# What the pictures show: their file, title, measure and figure.
PICTURES = [
    ("rate.svg", "Received a second, in thousands", "end-to-end",
     "received at full speed"),
    ("fan.svg", "Latency p50 by publishers and subscribers, in microseconds",
     "fan", "p50"),
    ("index.svg", "Ingest into the index, millions of blocks a second",
     "index", "ingest"),
]

HEAD = """# Performance

What `{command}` measured, ours and its baselines
in turn in the same minutes; the ratio of each pair, and its middle, least and
largest. Only ratios mean something elsewhere. [apps/bench](../apps/bench/README.md) says what
each measure does, and [scaling.md](scaling.md) where the time goes and what that
means for a cluster.

"""


def number(value):
    """A figure with three digits that count."""
    if value == 0 or 0.01 <= abs(value) < 1e6:
        digits = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
        return f"{value:,.{digits}f}"
    return f"{value:.2e}"


def command_text(figures):
    command = "scripts/bench.sh"
    if any(one.get("baseline", {}).get("name", "").startswith("dynamo")
           for one in figures):
        command += " --with-dynamo"
    if any(one["measure"] == "soak" for one in figures):
        command += " --with-soak"
    return command


def machine_text(report):
    about = report["machine"]
    pairs = report["pairs"]
    return (f"{about['processor']}, {about['cores']} cores, {about['system']}; "
            f"GCC {about['compiler']}, libzmq {about['libzmq']}, cnats "
            f"{about['cnats']}. {pairs} runs of each side.\n\n")


def target_text(figure):
    target = figure.get("target")
    if not target:
        return ""
    sign = "≥" if figure["better"] == "higher" else "≤"
    unit = ""
    if target["of"] == "figure" and figure["unit"]:
        unit = f" {figure['unit']}"
    met = "met" if target["met"] else "**missed**"
    return f"{sign} {number(target['bound'])}{unit}, {met}"


def row(figure):
    baseline = figure.get("baseline")
    beside = ratio = ""
    if baseline:
        beside = f"{number(baseline['median'])} ({baseline['name']})"
        spread = figure["ratio"]
        ratio = (f"{number(spread['median'])} ({number(spread['min'])} to "
                 f"{number(spread['max'])})")
    cells = [figure["case"], figure["figure"],
             f"{number(figure['median'])} {figure['unit']}".strip(), beside,
             ratio, target_text(figure)]
    return "| " + " | ".join(cells) + " |\n"


def tables(figures):
    text = ""
    names = list(dict.fromkeys(figure["measure"] for figure in figures))
    for name in names:
        text += (f"## {name}\n\n| case | figure | ours | baseline | ratio | "
                 "target |\n|---|---|---:|---:|---:|---|\n")
        text += "".join(row(one) for one in figures if one["measure"] == name)
        text += "\n"
    return text


def slope(points):
    """Of the straight line that fits best, in y for each x."""
    middle = sum(x for x, _ in points) / len(points)
    spread = sum((x - middle) ** 2 for x, _ in points)
    return sum((x - middle) * y for x, y in points) / spread


# Figures of the measure "fan", and what one more publisher adds to each.
SLOPES = [("subscriber threads", 1, "threads"), ("subscriber files", 1, "files"),
          ("subscriber memory", 1e3, "kB"), ("p50", 1, "us")]


def growth(figures):
    """What a subscriber's process needs for each publisher that it hears."""
    points = {}
    for one in figures:
        if one["measure"] == "fan":
            publishers, subscribers = map(int, one["case"].split(" to "))
            points.setdefault((one["figure"], subscribers), []).append(
                (publishers, one["median"]))
    rows = ""
    for figure, scale, unit in SLOPES:
        for (name, subscribers), line in sorted(points.items()):
            if name == figure and len(line) > 1:
                first, last = min(line), max(line)
                rows += (f"| {figure} | {subscribers} | {number(first[1])} | "
                         f"{number(last[1])} ({last[0]}) | "
                         f"{number(slope(line) * scale)} {unit} |\n")
    if not rows:
        return ""
    return ("## growth\n\nFrom `fan`: 8 k/s in all, whatever the number of "
            "publishers.\n\n| figure | subscribers | 1 publisher | most | "
            "each more |\n|---|---:|---:|---:|---:|\n" + rows + "\n")


def bars_of(figures, measure, label):
    """(name, value) of ours and of each baseline, case by case."""
    bars = []
    for one in figures:
        if one["measure"] != measure or one["figure"] != label:
            continue
        ours = (f"{one['case']}, {one['name']}", one["median"])
        if ours[0] not in (name for name, _ in bars):
            bars.append(ours)
        if "baseline" in one:
            bars.append((f"{one['case']}, {one['baseline']['name']}",
                         one["baseline"]["median"]))
    return bars


def picture(title, bars):
    most = max(value for _, value in bars) or 1
    height = 40 + len(bars) * (BAR + GAP)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
             f'height="{height}" font-family="sans-serif" font-size="12">',
             f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
             f'<text x="10" y="20" font-weight="bold">{html.escape(title)}'
             "</text>"]
    for at, (name, value) in enumerate(bars):
        y = 36 + at * (BAR + GAP)
        width = max(1, value / most * (WIDTH - LEFT - RIGHT))
        color = "#2b6cb0" if name.endswith(", ours") else "#a0aec0"
        parts.append(f'<text x="{LEFT - 8}" y="{y + 12}" text-anchor="end">'
                     f"{html.escape(name)}</text>")
        parts.append(f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" '
                     f'height="{BAR}" fill="{color}"/>')
        parts.append(f'<text x="{LEFT + width + 6:.1f}" y="{y + 12}">'
                     f"{number(value)}</text>")
    return "\n".join(parts) + "\n</svg>\n"


def merged(reports):
    """The figures of all measures, each from the last report that has it."""
    by_measure = {}
    for report in reports:
        names = {one["measure"] for one in report["figures"]}
        for name in names & by_measure.keys():
            by_measure[name].clear()
        for one in report["figures"]:
            by_measure.setdefault(one["measure"], []).append(one)
    return [one for of_measure in by_measure.values() for one in of_measure]


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    reports = [json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
               for path in sys.argv[1:-1]]
    directory = pathlib.Path(sys.argv[-1])
    figures = merged(reports)
    pictures = directory / "performance"
    pictures.mkdir(parents=True, exist_ok=True)
    text = HEAD.format(command=command_text(figures)) + machine_text(reports[0])
    missed = [one for one in figures
              if not one.get("target", {"met": True})["met"]]
    wanted = [one for one in figures if "target" in one]
    text += (f"{len(wanted) - len(missed)} of {len(wanted)} targets are met; "
             "those that are missed say so in their row.\n\n")
    for file, title, measure, label in PICTURES:
        bars = bars_of(figures, measure, label)
        if bars:
            (pictures / file).write_text(picture(title, bars), encoding="utf-8")
            text += f"![{title}](performance/{file})\n\n"
    text += tables(figures) + growth(figures)
    (pictures / "figures.json").write_text(
        json.dumps({**reports[0], "figures": figures}, indent=1) + "\n",
        encoding="utf-8")
    (directory / "performance.md").write_text(text.rstrip() + "\n",
                                              encoding="utf-8")


if __name__ == "__main__":
    main()
