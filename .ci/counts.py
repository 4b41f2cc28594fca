"""The counts of a JUnit report: `N passed, N failed, N skipped`, or with --json an object. Fails where no test ran."""

from __future__ import annotations

import json
import sys
from xml.etree import ElementTree


def counts(report: str) -> dict[str, int]:
    """The report's totals; an error in a test's set-up counts as failed, an expected failure as skipped."""
    suites = list(ElementTree.parse(report).getroot().iter("testsuite"))
    total = {key: sum(int(suite.get(key, 0)) for suite in suites) for key in ("tests", "failures", "errors", "skipped")}
    failed = total["failures"] + total["errors"]
    return {"passed": total["tests"] - failed - total["skipped"], "failed": failed, "skipped": total["skipped"]}


def main() -> int:
    """Exit 1 where the report is missing or counts nothing that passed."""
    try:
        found = counts(sys.argv[-1])
    except (OSError, ElementTree.ParseError) as error:
        print(f"no test report: {error}", file=sys.stderr)
        return 1
    print(json.dumps(found) if "--json" in sys.argv else ", ".join(f"{count} {word}" for word, count in found.items()))
    return 0 if found["passed"] and not found["failed"] else 1


if __name__ == "__main__":
    sys.exit(main())
