"""Tests split among processes: those of one file and problem stay together, since an evaluator is slow to start."""

from __future__ import annotations

from collections import defaultdict

SHARE = "EGG_TESTS_SHARE"  # environment: "0/4" is the first of four


def share_of(items, text):
    """(those of the share, the others); all processes find the same."""
    which, of = map(int, text.split("/"))
    groups = defaultdict(list)
    for item in items:
        groups[_group(item)].append(item)
    loads, mine = [0] * of, set()
    for key, group in sorted(groups.items(), key=lambda each: (-len(each[1]), each[0])):
        least = loads.index(min(loads))
        loads[least] += len(group)
        if least == which:
            mine.add(key)
    return [each for each in items if _group(each) in mine], [each for each in items if _group(each) not in mine]


def _group(item):
    given = getattr(item, "callspec", None)
    values = list(given.params.values()) if given else []
    problems = [str(getattr(each, "problem", "")) for each in values]
    return str(item.path), next(filter(None, problems), str(given.params.get("problem", "")) if given else "")
