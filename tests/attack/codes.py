"""Ten thousand codes, asked for at a real server: are they evenly spread, and is one a stranger to the next?

    python -m tests.attack.codes [sqlite|postgres|mariadb] [codes]

CHECKS C81: a leading zero 10 % +/- 0.9 %, chi-square over 100 bins with p > 0.001, duplicates as expected, no
correlation between neighbours.
"""

import http.client
import json
import sys
import tempfile
from collections import Counter
from itertools import pairwise
from math import sqrt
from pathlib import Path
from urllib.parse import urlsplit

from tests import servers

CODES = 10_000
CHI_SQUARE_99 = 148.23  # 99 degrees of freedom, p = 0.001


def main() -> None:
    kind = sys.argv[1] if len(sys.argv) > 1 else "sqlite"
    most = int(sys.argv[2]) if len(sys.argv) > 2 else CODES
    with (
        tempfile.TemporaryDirectory() as folder,
        servers.fresh_database(kind, Path(folder)) as database,
        servers.running(database, SANDBOX_DELAY="0") as url,
    ):
        report(kind, asked(url, most))


def asked(url: str, most: int) -> list[str]:
    """One after another on one connection: every other one for the same number, for a client of its own."""
    where = urlsplit(url)
    connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=30)
    found = []
    for turn in range(most):
        phone = "+79001112233" if turn % 2 else f"+7900{turn:07}"
        connection.request("POST", "/user/login/", json.dumps({"phone": phone}), {"Content-Type": "application/json"})
        found.append(str(json.load(connection.getresponse())["code"]))
    return found


def report(kind: str, codes: list[str]) -> None:
    zeros = sum(code.startswith("0") for code in codes) / len(codes)
    print(f"{kind}: {len(codes)} codes, {zeros:.2%} begin with a zero (10 % +/- 0.9 % of 10 000)")
    for name, part in (("first", slice(0, 2)), ("last", slice(2, 4))):
        bins, mean = Counter(code[part] for code in codes), len(codes) / 100
        square = sum((bins[f"{pair:02}"] - mean) ** 2 / mean for pair in range(100))
        print(f"{kind}: chi-square of the {name} two digits {square:.1f} (below {CHI_SQUARE_99})")
    expected = 10_000 * (1 - (1 - 1e-4) ** len(codes))
    print(f"{kind}: {len(set(codes))} different ones ({expected:.0f} +/- 125 expected of 10 000)")
    numbers = [int(code) / 10_000 - 0.49995 for code in codes]
    for name, pairs in (("next", pairwise(numbers)), ("next but one", zip(numbers, numbers[2:], strict=False))):
        correlation = sum(left * right for left, right in pairs) / sum(number**2 for number in numbers)
        print(f"{kind}: correlation with the {name} {correlation:+.4f} (within {4 / sqrt(len(codes)):.4f})")


if __name__ == "__main__":
    main()
