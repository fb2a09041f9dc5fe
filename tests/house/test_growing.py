"""What the measurements of growth say of their figures, and what docs/scaling.md makes of them: nothing is measured."""

import json
import shutil
import subprocess

import pytest

from bench import growth, papers, processes, sizing, soak, wrk
from bench.crowd import WEIGHTS, Crowd, Done
from bench.measured import Run
from bench.papers import Paper, Table
from bench.rivals.rival import Call
from tests import nodes, servers

MIB = 2**20


def run(p99, errors=0, p50=1.0, rate=100.0):
    return Run(rate, p50, p99, 100, errors, "no" if errors else "")


def rounds(**p99):
    """Runs of each scenario among 1000 and among 2000 people; those that are not named are all alike."""
    found = {}
    for scenario in growth.SCENARIOS:
        few, many = p99.get(scenario.replace("-", "_"), ([10, 10, 10], [10, 10, 10]))
        found[scenario, 1000], found[scenario, 2000] = list(map(run, few)), list(map(run, many))
    return found


# ---- papers ----------------------------------------------------------------------------------------------------------
PAPER = Paper(
    "growth",
    {"cores": "2"},
    ["it held"],
    [Table("Under load", ["what", "p99, ms"], [["profile", 12.3456]])],
    {"Plans": "Index Scan"},
)


def test_a_paper_is_kept_as_markdown_and_json_and_the_newest_is_found_by_its_name(tmp_path):
    files = papers.write(PAPER, tmp_path)
    assert [file.suffix for file in files] == [".md", ".json"]
    text = files[0].read_text()
    for line in ("- it held", "| profile | 12.35 |", "| cores | 2 |", "Index Scan"):
        assert line in text
    older = json.loads(files[1].read_text())
    (tmp_path / "2001-01-01-growth.json").write_text(json.dumps({**older, "notes": ["old"]}))
    (tmp_path / "9999-01-01-soak.json").write_text(json.dumps({**older, "notes": ["another"]}))
    assert papers.newest("growth", tmp_path)["notes"] == ["it held"]
    assert papers.newest("footprint", tmp_path) is None
    assert str(tmp_path) not in text


# ---- growth ----------------------------------------------------------------------------------------------------------
def test_growth_is_told_as_the_median_of_the_ratios_of_each_round():
    verdicts, lines = growth.summary(rounds(profile=([10, 100, 10], [14, 140, 90])), [1000, 2000])
    assert verdicts[0] == "profile, 2000 people to 1000: p50 x 1.00, p99 x 1.40: reached (at most 1.5)"
    assert ["profile", 2000, 100.0, 1.0, 90, 0] in lines


def test_growth_that_is_too_steep_or_failed_is_said():
    found = rounds(profile=([10], [16]))
    found["sign-in", 1000] = [run(10, errors=3)]
    verdicts, lines = growth.summary(found, [1000, 2000])
    assert "profile, 2000 people to 1000: p50 x 1.00, p99 x 1.60: NOT REACHED (at most 1.5)" in verdicts
    assert "FAILED: sign-in: no" in verdicts
    assert ["sign-in", 1000, 100.0, 1.0, 10, 3] in lines


def test_the_time_of_a_plan_is_its_own_last_line():
    assert growth.took("Index Scan\nPlanning Time: 0.500 ms\nExecution Time: 12.345 ms") == 12.345
    assert growth.took("Insert") == 0.0


def test_many_readers_are_read_in_turn(tmp_path):
    calls = [Call("GET", "/a/", {"Authorization": "Bearer 1.x"}), Call("GET", "/b/?c=1", {})]
    script = wrk.in_turn(calls)
    assert "wrk.format('GET', '/a/', { ['Authorization'] = 'Bearer 1.x' })" in script
    if lua := shutil.which("luajit") or shutil.which("lua5.1") or shutil.which("lua"):
        asked = "wrk = {format = function(m, p, h) return p end}; dofile('s.lua'); init(); "
        (tmp_path / "s.lua").write_text(script)
        code = f"{asked}print(request(), request(), request())"
        ran = subprocess.run([lua, "-e", code], cwd=tmp_path, stdout=subprocess.PIPE, text=True, check=True)
        assert ran.stdout.split() == ["/a/", "/b/?c=1", "/a/"]


# ---- soak ------------------------------------------------------------------------------------------------------------
def lines(p99=(10.0,), rss=(100,), files=(50,), errors=0):
    """Thirty lines whose figures go on as these do."""
    taken = [
        processes.Taken(rss[min(n * len(rss) // 30, len(rss) - 1)] * MIB, 0, files[n * len(files) // 30], 9)
        for n in range(30)
    ]
    return [
        soak.Line(10.0 * n, 99.0, 1.0, p99[n * len(p99) // 30], errors if n == 7 else 0, taken[n], {})
        for n in range(30)
    ]


def held(*given, dead=0, **figures):
    return [holds for _, holds in soak.verdicts(lines(**figures), dead)]


def test_a_soak_that_stays_as_it_is_holds():
    assert held() == [True] * 5
    assert held(rss=(60, 100, 101, 102, 103)) == [True] * 5  # the first fifth is warming up


@pytest.mark.parametrize(
    ("figures", "which"),
    [
        ({"errors": 1}, 0),
        ({"p99": (10.0, 10.0, 11.0, 12.0, 14.0)}, 1),
        ({"rss": (100, 100, 103, 106, 110)}, 2),
        ({"files": (50, 50, 50, 51, 51)}, 3),
        ({"dead": 4}, 4),
    ],
)
def test_a_soak_that_does_not_is_found_out_by_one_verdict(figures, which):
    assert [number for number, holds in enumerate(held(**figures)) if not holds] == [which]


def test_a_line_of_a_soak_counts_errors_and_times_in_milliseconds():
    done = [Done("profile", 0.0, 0.002, ""), Done("page", 0.0, 0.004, ""), Done("page", 0.0, 30.0, "TimeoutError: ")]
    line = soak.seen(10.0, done, 2.0, processes.Taken(MIB, 0, 5, 3), {"people_person": 7})
    assert (line.rate, line.p50, line.p99, line.errors) == (1.5, 4.0, 30_000.0, 1)
    assert "errors 1 | 1 MiB 5 files 3 threads | person 7" in soak.told(line)


def test_a_crowd_knows_how_to_do_whatever_it_may_do():
    assert Crowd._acts.keys() == WEIGHTS.keys()
    assert sum(WEIGHTS.values()) == 100


# ---- sizing ----------------------------------------------------------------------------------------------------------
GROWTH = {
    "date": "2026-01-31",
    "facts": {"cores": "2"},
    "tables": [
        {
            "rows": [
                ["profile", 1000, 900.0, 1, 2, 0],
                ["profile", 10**6, 500.0, 1, 2, 0],
                ["sign-in", 10**6, 50.0, 1, 2, 0],
            ]
        },
        {"rows": [["people_person", 10**6, 10**8, 3 * 10**8, 4 * 10**8, 400.0]]},
    ],
}
HABITS = sizing.Habits(reads=8.64, sign_ins=0.0864, peak=2.0, busy=0.5)


def test_what_is_needed_follows_from_what_was_measured_among_the_most_people():
    found = sizing.measured(GROWTH)
    assert (found.people, found.reads, found.sign_ins) == (10**6, 500.0, 50.0)
    need = sizing.need(found, HABITS, 10**7)
    assert (need.gigabytes, need.index_gigabytes) == pytest.approx((4.0, 3.0))
    assert (need.reads, need.sign_ins) == pytest.approx((2000.0, 20.0))
    assert need.cores == pytest.approx(2 * (2000 / 500 + 20 / 50) / 0.5)
    assert "| 10,000,000 | 4.0 | 3.0 | 2,000.0 | 20.0 | 17.6 |" in sizing.table(found, HABITS, [10**7])


def test_nothing_is_computed_from_a_measurement_that_failed():
    failed = json.loads(json.dumps(GROWTH))
    failed["tables"][0]["rows"][0][5] = 1
    with pytest.raises(ValueError, match="failed"):
        sizing.measured(failed)


def test_the_document_has_the_newest_measurement_or_says_that_there_is_none():
    document = sizing.DOCUMENT.read_text(encoding="utf-8")
    assert document.count(sizing.BEGIN) == document.count(sizing.END) == 1
    paper = papers.newest("growth")
    if paper is None:
        assert document == sizing.written(document, sizing.UNMEASURED)
    else:
        assert f"Measured on {paper['date']} among" in document
    assert sizing.written(sizing.written(document, "this\n"), "that\n") == sizing.written(document, "that\n")


# ---- nginx -----------------------------------------------------------------------------------------------------------
def test_nginx_is_given_each_web_process_once(tmp_path):
    text = nodes.configuration(["http://127.0.0.1:4001", "http://127.0.0.1:4002"], 4000, tmp_path)
    assert [line.split()[1] for line in text.splitlines() if line.startswith("        server 1")] == [
        "127.0.0.1:4001",
        "127.0.0.1:4002",
    ]
    assert "127.0.0.1:8000" not in text


def test_what_nginx_refuses_by_itself_are_problems_as_ours_are():
    from guestlist.api import errors
    from guestlist.lib.refusals import Refusal

    text = (servers.ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    told = [
        json.loads(line.partition("'")[2].rpartition("'")[0])
        for line in text.splitlines()
        if "return 4" in line or "return 5" in line
        if "'" in line
    ]
    ours = [
        json.loads(errors.problem(refusal).content)
        for refusal in (Refusal("too_large"), Refusal("unavailable", retry_after=5))
    ]
    for nginxs, own in zip(told, ours, strict=True):
        assert {**nginxs, "detail": ""} == {**own, "detail": ""}
