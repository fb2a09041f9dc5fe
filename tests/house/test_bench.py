"""What the comparison says about its figures. Nothing is measured here: no test may fail by time."""

import json
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest

from bench import chart, load, measured, report, wrk
from bench.measured import Cell, Goal, Run
from bench.rivals import ALL, SUBJECT
from bench.rivals.guestlist import invite_code
from bench.rivals.rival import Call
from guestlist.people.rules import ALPHABET, INVITE_LENGTH
from guestlist.signin import sessions

AT = Cell("postgres", "profile", 32)
WRK = """Running 3s test @ http://127.0.0.1:8000/
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency    14.10ms    5.20ms  71.00ms   80.00%
  Latency Distribution
     50%   13.20ms
     75%   16.00ms
     90%   20.00ms
     99%    1.05s
  6800 requests in 3.00s, 4.20MB read
Requests/sec:   2266.67
Transfer/sec:      1.40MB
"""


def run(rate, errors=0, p50=1.0, p99=2.0):
    return Run(rate, p50, p99, 100, errors, "no" if errors else "")


def found(**rates):
    """Rows of one cell, in which each rival has these rates, round by round."""
    names = {name.replace("_", "-"): values for name, values in rates.items()}
    return measured.rows({(AT, name): [run(rate) for rate in values] for name, values in names.items()})


def comparison(rows, missing=None):
    return report.Found(
        date="2026-01-31",
        how={"rounds": 3},
        machine={"cores": "2"},
        versions={"drf": {"django": "5.2"}},
        missing=missing or {},
        warnings=[],
        ceiling={32: 5000.0},
        rows=rows,
        titles={name: rival.title for name, rival in ALL.items()},
    )


def test_a_row_has_the_median_of_its_rounds():
    (row,) = found(guestlist=[100, 900, 300])
    assert (row.rate, row.p50, row.p99) == (300, 1.0, 2.0)


def test_a_ratio_is_told_within_each_round_and_the_median_of_these_counts():
    ours, theirs = found(guestlist=[100, 900, 400], drf=[50, 100, 100])
    assert ours.ratio is None
    assert theirs.ratio == 4  # of 2, 9 and 4: a round in which the machine was slow was slow for both


def test_one_error_fails_the_row_and_takes_its_ratio():
    found = measured.rows({(AT, "guestlist"): [run(100), run(100)], (AT, "drf"): [run(50), run(50, errors=1)]})
    assert [row.failed for row in found] == [False, True]
    assert found[1].ratio is None
    assert found[1].told == "no"


def test_nothing_is_compared_with_a_subject_that_failed():
    found = measured.rows({(AT, "guestlist"): [run(100, errors=3)], (AT, "drf"): [run(50)]})
    assert found[1].ratio is None


def test_a_goal_is_reached_missed_or_could_not_be_told():
    goals = [Goal("postgres", "profile", "drf", 5), Goal("postgres", "profile", "better-auth", 3)]
    rows = [*found(guestlist=[500], drf=[99], better_auth=[250])]
    told = report.table(comparison(rows))
    assert measured.goals(rows, 32, goals) == [(goals[0], 500 / 99), (goals[1], 2.0)]
    assert "DRF + ORM: 5.05: reached" in told
    assert "better-auth (Node): 2.00: NOT REACHED" in told
    assert measured.goals(rows, 8, goals) == []
    failed = measured.rows({(AT, "guestlist"): [run(500)], (AT, "drf"): [run(1, errors=1)]})
    assert "could not be told, a row failed: NOT REACHED" in report.table(comparison(failed))


def test_each_goal_names_a_rival_and_a_scenario_that_there_are():
    for goal in measured.GOALS:
        rival = ALL[goal.rival]
        assert goal.scenario in rival.scenarios
        assert goal.database in rival.databases
        assert goal.scenario in ALL[SUBJECT].scenarios
    assert measured.SUBJECT == SUBJECT


def test_what_is_missing_or_failed_is_said_in_the_table_and_in_the_papers():
    failed = measured.rows({(AT, "guestlist"): [run(500)], (AT, "drf"): [run(1, errors=7)]})
    whole = comparison(failed, {"better-auth": "there is no npm"})
    for told in (report.table(whole), report.markdown(whole)):
        assert "better-auth (Node): there is no npm" in told
        assert "7 errors" in told


def test_the_files_hold_every_figure_and_no_path(tmp_path):
    rows = found(guestlist=[500, 510, 520], drf=[100, 100, 100])
    files = report.write(comparison(rows), tmp_path)
    assert [file.name for file in files] == ["2026-01-31.json", "2026-01-31.md", "2026-01-31.svg"]
    kept = json.loads(files[0].read_text())
    assert kept["rows"][1]["ratio"] == 5.1
    assert kept["rows"][1]["scenario"] == "profile"
    assert [one["rate"] for one in kept["rows"][0]["runs"]] == [500, 510, 520]
    assert "| DRF + ORM | 100 | 5.10 | 1.0 | 2.0 |" in files[1].read_text()
    assert str(tmp_path) not in "".join(file.read_text() for file in files)


def test_bars_begin_at_zero_and_are_as_long_as_their_figures():
    bars = [chart.Bar("us & co", 400, is_ours=True), chart.Bar("they", 100, note="(4.0 ×)")]
    drawn = ET.fromstring(chart.svg([chart.Panel("profile", bars)]))
    ours, theirs = (bar for bar in drawn.iter("{http://www.w3.org/2000/svg}rect") if bar.get("class") != "paper")
    assert (ours.get("class"), theirs.get("class")) == ("ours", "theirs")
    assert ours.get("x") == theirs.get("x")
    assert float(ours.get("width")) == pytest.approx(4 * float(theirs.get("width")))
    assert "us & co 400" in drawn.find("{http://www.w3.org/2000/svg}title").text


def test_a_row_that_failed_is_not_drawn():
    failed = measured.rows({(AT, "guestlist"): [run(500)], (AT, "drf"): [run(9999, errors=1)]})
    (panel,) = report.panels(comparison(failed))
    assert [bar.label for bar in panel.bars] == ["Guestlist"]


def test_the_report_of_wrk_is_read_in_milliseconds():
    padded = WRK.replace("1.05s", "1.05s ")  # as wrk does with its shorter units
    assert wrk.read(padded) == Run(rate=2266.67, p50=13.2, p99=1050.0, done=6800, errors=0, told="")


@pytest.mark.parametrize(
    ("line", "errors"),
    [
        ("  Non-2xx or 3xx responses: 17\n", 17),
        ("  Socket errors: connect 1, read 2, write 0, timeout 3\n", 6),
    ],
)
def test_a_refusal_and_a_broken_socket_are_errors_to_wrk(line, errors):
    read = wrk.read(WRK + line)
    assert read.errors == errors
    assert line.strip() in read.told


def test_a_report_without_requests_is_an_error():
    assert wrk.read("unable to connect to 127.0.0.1:1 Connection refused\n").errors == 1
    assert wrk.read(WRK.replace("6800 requests", "0 requests")).errors == 1


def test_the_processes_of_a_load_are_added_up():
    done = [
        load.Done([0.010, 0.030], [], 2, ended=12.0, cpu=0.5),
        load.Done([0.020, 0.020], [], 2, ended=11.0, cpu=0.5),
    ]
    whole = load.together(done, begin=10.0)
    assert (whole.rate, whole.done, whole.errors, whole.client_cpu) == (2.0, 4, 0, 0.5)
    assert (whole.p50, whole.p99) == (20.0, 30.0)


def test_a_load_that_did_nothing_has_failed():
    assert load.together([load.Done([], [], 0, 12.0, 0.0)], 10.0).errors == 1


def test_an_answer_is_read_when_it_is_whole():
    plain = b"HTTP/1.1 201 Created\r\nX-Code: 0042\r\nContent-Length: 4\r\n\r\nbody"
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nbod\r\n1\r\ny\r\n0\r\n\r\n"
    for raw in (plain, chunked):
        assert [load.answer(bytearray(raw[:cut])) for cut in (10, len(raw) - 1)] == [None, None]
        assert load.answer(bytearray(raw)).body == b"body"
    assert load.answer(bytearray(plain)).header("x-code") == "0042"
    assert load.answer(bytearray(b"HTTP/1.1 204 No Content\r\n\r\n")).status == 204


def test_a_request_is_written_with_its_length():
    written = load.written(Call("POST", "/login/", {"X-Who": "me"}, {"phone": "+79000000001"}), "127.0.0.1:1")
    head, _, body = written.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /login/ HTTP/1.1\r\nHost: 127.0.0.1:1\r\nX-Who: me\r\n")
    assert f"Content-Length: {len(body)}".encode() in head


def test_no_two_fresh_phones_are_the_same_and_neighbours_share_no_prefix():
    phones = [load.fresh_phone(number) for number in range(5000)]
    assert len(set(phones)) == 5000
    assert all(one[:-4] != other[:-4] for one, other in pairwise(phones))


def test_the_people_of_the_seed_have_codes_and_tokens_that_guestlist_takes():
    codes = [invite_code(number) for number in (0, 31, 32, 1002)]
    assert codes == ["000000", "00000Z", "000010", "0000ZA"]
    assert all(len(code) == INVITE_LENGTH and set(code) <= set(ALPHABET) for code in codes)
    assert sessions.presented(ALL[SUBJECT].known(17)["Authorization"].removeprefix("Bearer ")) is not None
