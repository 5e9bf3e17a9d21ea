"""doc/interop.md: what came of every case with every release."""

HEAD = """# Interop with Dynamo

Real processes of Dynamo (`ai-dynamo-runtime` from PyPI) beside programs of this
project, on one event plane and one store. Written by `scripts/interop.sh --all`;
{passed} of {total} cells passed. A number is the release; what cannot work says why.
"""


def page(results, cells):
    """`results`: (case, release, plane, store) -> outcome."""
    releases = sorted({key[1] for key in cells}, reverse=True)
    places = sorted({key[2:] for key in cells})
    cases = sorted({key[0] for key in cells})
    passed = sum(results.get(key) == "passed" for key in cells
                 if not cells[key])
    total = sum(not reason for reason in cells.values())
    lines = [HEAD.format(passed=passed, total=total)]
    footnotes = []
    for case in cases:
        lines += ["", f"## {case}", "",
                  "| | " + " | ".join(releases) + " |",
                  "|---" * (len(releases) + 1) + "|"]
        for place in places:
            row = [f"{place[0]}, {place[1]}"]
            for release in releases:
                key = (case, release, *place)
                row.append(cell(results.get(key), cells.get(key), footnotes))
            lines.append("| " + " | ".join(row) + " |")
    lines += [""] + [f"{number}. {text}"
                     for number, text in enumerate(footnotes, 1)]
    return "\n".join(lines).rstrip() + "\n"


def cell(outcome, reason, footnotes):
    if reason:
        if reason not in footnotes:
            footnotes.append(reason)
        return f"cannot work ({footnotes.index(reason) + 1})"
    return outcome or "not run"
