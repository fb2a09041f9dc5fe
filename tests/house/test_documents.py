"""The documents say what is so: settings, addresses, refusals, links; and the README's flow works as printed."""

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from guestlist.api.errors import STATUS
from guestlist.api.openapi import WITH_BODY
from guestlist.api.urls import api
from guestlist.lib import dying, limits, metrics
from guestlist.settings import CAN_RUN_DRY
from guestlist.signin import conversion, rules
from tests import servers

ROOT = servers.ROOT
READMES = ["README.md", "README.ru.md"]
PAPERS = [
    *READMES,
    "CHANGELOG.md",
    "SECURITY.md",
    *(str(found.relative_to(ROOT)) for found in sorted(ROOT.glob("docs/**/*.md"))),
]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")

ANY_REQUEST = {"unavailable", "internal_error", "not_signed_in", "csrf_failed", *WITH_BODY}
NOT_DESCRIBED = {"GET /metrics": {"not_found"}}  # in openapi.json: it is text, and there for operators only
HEAVIEST = 150_000  # bytes of a picture
PRINTED = "http://127.0.0.1:8000"
NEW_EACH_TIME = {"code", "challenge", "token", "device", "expires_at", "invite_code", "active_user_code"}


def paper(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def rows(text: str) -> list[list[str]]:
    """The cells of each table row that begins with something in backticks."""
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| `")
    ]


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


# ---- settings --------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def defaults(tmp_path_factory) -> dict[str, str]:
    """Every name that the settings read, with its default, in an environment without any of them."""
    script = "import json; from guestlist import settings; print(json.dumps(settings.env.names))"
    database = f"sqlite:///{tmp_path_factory.mktemp('settings') / 'guestlist.sqlite3'}"
    environment = {"PATH": os.environ["PATH"], "DATABASE_URL": database}
    read = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True)
    return {name: default.replace(f"{ROOT}/", "") for name, default in json.loads(read.stdout).items()}


def test_every_setting_is_documented_with_its_default_and_none_is_stale(defaults):
    settings = [cells for cells in rows(paper("docs/settings.md")) if not cells[0].startswith("`LIMIT_")]
    documented = {name: cells[1] for cells in settings for name in quoted(cells[0])}
    no_default = {"none", "made once"}
    assert {name: "" if said in no_default else said.strip("`") for name, said in documented.items()} == defaults


def test_the_example_environment_has_every_setting_with_its_default(defaults):
    lines = re.findall(r"^# ([A-Z_]+)=(.*)$", paper(".env.example"), re.MULTILINE)
    assert dict(lines) == defaults
    assert len(lines) == len(defaults)


@pytest.mark.parametrize("name", READMES)
def test_the_short_list_of_settings_has_the_same_defaults(name, defaults):
    settings = [cells for cells in rows(paper(name)) if set(quoted(cells[0])) <= set(defaults)]
    assert len(settings) >= 5
    for names, said in ((quoted(cells[0]), quoted(cells[1])) for cells in settings):
        assert said == [defaults[setting] for setting in names]


# ---- limits and the ladder -------------------------------------------------------------------------------------------
def policies() -> dict[str, limits.Policy]:
    """Every limit that any room has: `LIMIT_<NAME>` knows no others."""
    rooms = [module for name, module in list(sys.modules.items()) if name.startswith("guestlist.")]
    return {name: policy for room in rooms for name, policy in getattr(room, "POLICIES", {}).items()}


@pytest.mark.parametrize(("name", "prefix"), [("docs/settings.md", "LIMIT_"), ("docs/security.md", "")])
def test_every_limit_is_documented_with_its_figures_and_none_is_stale(name, prefix):
    after = paper(name).partition("| Limit | Default |")[2].partition("\n\n")[0]
    table = {quoted(cells[0])[0]: quoted(cells[1])[0] for cells in rows(after)}
    assert {limit: limits.windows(figures) for limit, figures in table.items()} == {
        prefix + limit: policy.windows for limit, policy in policies().items()
    }
    assert len(table) >= 13


@pytest.mark.parametrize("name", READMES)
def test_the_short_list_of_settings_speaks_of_the_limits(name):
    assert "| `LIMIT_<NAME>` |" in paper(name)


def figure(rule: Any) -> str:
    """A constant of the rules as docs/security.md writes it."""
    if isinstance(rule, tuple):
        spans = {timedelta(hours=1): "h", timedelta(days=1): "d"}
        return ", ".join(f"{most}/{spans[span]}" for most, span in rule)
    if isinstance(rule, timedelta):
        return f"{rule.days} d" if rule.days else f"{rule.seconds} s"
    return f"{rule:.0%}".replace("%", " %") if isinstance(rule, float) else str(rule)


def test_the_figures_of_codes_and_of_the_breaker_are_those_of_the_rules():
    table = {
        quoted(cells[0])[0]: cells[1]
        for cells in rows(paper("docs/security.md"))
        if hasattr(rules, quoted(cells[0])[0])
    }
    assert table == {name: figure(getattr(rules, name)) for name in table}
    assert len(table) == 15


def test_the_figures_of_conversion_are_those_of_the_judgement():
    after = paper("docs/security.md").partition("### Conversion")[2].partition("###")[0]
    table = {quoted(cells[0])[0]: cells[1] for cells in rows(after)}
    assert table == {name: figure(rule) for name, rule in vars(conversion).items() if name.isupper()}


def test_every_rule_that_can_run_dry_is_documented():
    for name, after in (("docs/security.md", "### Dry runs"), ("docs/settings.md", "| `DRY_RUN` | none |")):
        line = paper(name).partition(after)[2].strip().partition("\n")[0]
        assert set(CAN_RUN_DRY) <= set(quoted(line))


def test_the_ladder_is_documented_rung_by_rung_and_its_sum_is_right():
    text = paper("docs/security.md")
    found = re.findall(
        r"^\| (\d+)(?:–\d+| and more) \| (\d) \| (\d+).*? \| (\d+)/10\^(\d) = (\S+) \|$", text, re.MULTILINE
    )
    for rung, (wrong, digits, judged, most, power, chance) in zip(rules.LADDER, found, strict=True):
        assert (rung.wrong, rung.digits) == (int(wrong), int(digits))
        assert rung.budget in (int(judged), None)
        assert (judged, digits, float(chance)) == (most, power, int(most) / 10 ** int(power))
    together = sum(float(chance) for *_, chance in found)
    assert together <= 1e-3
    assert f"{together:.2e}".replace("e-0", "e-") == "6.04e-4"
    assert "together **6.04e-4**" in text


def test_what_other_lengths_give_is_what_the_rules_say():
    table = re.findall(r"^\| .*`CODE_DIGITS=(\d)`.* \| (.+) \| (\S+e-\d) \|$", paper("docs/security.md"), re.MULTILINE)
    assert [int(digits) for digits, _, _ in table] == [4, 5, 6, 7, 8]
    for shortest, judged, chance in table:
        budgets = {}
        for rung in rules.LADDER:
            digits = max(rung.digits, int(shortest))
            budgets[digits] = None if rung.budget is None else budgets.get(digits, 0) + rung.budget
        budgets = {digits: most or 900 for digits, most in budgets.items()}
        assert {int(digits): int(most) for most, digits in re.findall(r"(\d+) at (\d)", judged)} == budgets
        assert float(chance) == pytest.approx(sum(most / 10**digits for digits, most in budgets.items()), rel=5e-3)


def test_how_long_rows_are_kept_is_documented_and_none_is_stale():
    after = paper("docs/security.md").partition("| Rows | Kept |")[2].partition("\n\n")[0]
    table = {quoted(cells[0])[0]: cells[1] for cells in rows(after)}
    assert table == {kind.name: figure(kind.kept) for kind in dying.kinds()}


def test_every_event_of_the_audit_trail_is_documented_and_none_is_stale():
    code = "\n".join(found.read_text(encoding="utf-8") for found in sorted(ROOT.glob("guestlist/**/*.py")))
    written = set(re.findall(r"\baudit\.(?:record|refused|refusals|record_once)\(\s*\"([a-z_.]+)\"", code))
    after = paper("docs/security.md").partition("| Event | When |")[2].partition("\n\n")[0]
    documented = {event for cells in rows(after) for event in quoted(cells[0])}
    assert written <= documented
    assert [event for event in sorted(documented) if f'"{event}"' not in code] == []


def test_every_metric_is_documented_with_its_labels_and_none_is_stale():
    table = {quoted(cells[0])[0]: tuple(quoted(cells[1])) for cells in rows(paper("docs/metrics.md"))}
    assert table == metrics.LABELS
    assert len(table) >= 12
    named = set(re.findall(r"guestlist_[a-z_]+", paper("docs/metrics.md")))
    assert named == set(metrics.LABELS)


# ---- what proves the checks ------------------------------------------------------------------------------------------
CHECKS = {*range(1, 43), 44, 45, 53, 54, 57, *range(63, 74), 75, 76, 77, *range(79, 84), 86, 87, 91}
NO_SUCH_CHECK = {*range(10, 13), *range(14, 19), 24, 26, 27, 33, 71}  # numbers that were never given


def test_every_check_has_a_row_and_whatever_is_said_to_prove_it_exists():
    table = re.findall(r"^\| C(\d\d) \| (.+) \| (.+) \|$", paper("docs/checks.md"), re.MULTILINE)
    assert [int(number) for number, _, _ in table] == sorted(CHECKS - NO_SUCH_CHECK)
    for number, _, proof in table:
        tests, commands = re.findall(r"`(tests/\S+?)::(\w+)`", proof), re.findall(r"`python -m ([\w.]+)`", proof)
        assert tests or commands or "not yet: " in proof, number
        assert [name for file, name in tests if f"\ndef {name}(" not in f"\n{paper(file)}"] == [], number
        for command in commands:
            assert 'if __name__ == "__main__":' in paper(command.replace(".", "/") + ".py"), number


# ---- the API ---------------------------------------------------------------------------------------------------------
def operations() -> dict[str, set[str]]:
    """`POST /user/login/` and so on, with the refusals of its own that the description names."""
    found = {}
    for path, methods in api.get_openapi_schema()["paths"].items():
        for method, operation in methods.items():
            described = " ".join(answer["description"] for answer in operation["responses"].values())
            found[f"{method.upper()} {path}"] = set(quoted(described)) - ANY_REQUEST
    return found


@pytest.mark.parametrize("name", READMES)
def test_every_operation_stands_in_the_table_with_its_refusals_and_none_is_stale(name):
    requests = [cells for cells in rows(paper(name)) if re.match(r"`[A-Z]+ /", cells[0])]
    table = {quoted(cells[0])[0]: set(quoted(cells[3])) for cells in requests}
    assert {request: refusals - ANY_REQUEST for request, refusals in table.items()} == {
        **operations(),
        **NOT_DESCRIBED,
    }


@pytest.mark.parametrize("name", READMES)
def test_every_refusal_is_documented_with_its_status_and_none_is_stale(name):
    table = {quoted(cells[0])[0]: int(cells[1]) for cells in rows(paper(name)) if re.fullmatch(r"\d{3}", cells[1])}
    assert table == STATUS


# ---- the flow --------------------------------------------------------------------------------------------------------
def flow(name: str) -> list[tuple[str, Any]]:
    """The blocks between the flow's marks: each of shell, with the answer that is printed below it, if any."""
    printed = re.search(r"^<!-- flow.*?-->$(.*)^<!-- /flow -->$", paper(name), re.MULTILINE | re.DOTALL)
    assert printed, f"{name} has no flow between its marks"
    steps: list[tuple[str, Any]] = []
    for language, block in BLOCK.findall(printed[1]):
        if language == "bash":
            steps.append((block, None))
        else:
            steps[-1] = (steps[-1][0], json.loads(block))
    return steps


def lasting(answer: Any) -> Any:
    """An answer without what is new in each run; its names stay."""
    if isinstance(answer, dict):
        return {name: type(value) if name in NEW_EACH_TIME else lasting(value) for name, value in answer.items()}
    return [lasting(item) for item in answer] if isinstance(answer, list) else answer


@pytest.fixture(scope="module")
def answers(tmp_path_factory) -> list[Any]:
    """What the README's blocks print, one after another in one shell, against a new server: the last line of each."""
    servers.need(bool(shutil.which("bash") and shutil.which("curl")), "no bash or no curl")
    steps = flow("README.md")
    assert PRINTED in steps[0][0]
    database = f"sqlite:///{tmp_path_factory.mktemp('flow') / 'guestlist.sqlite3'}"
    with servers.running(database, SANDBOX_DELAY="0") as url:
        script = "".join(f"{block}echo '---'\n" for block, _ in steps).replace(PRINTED, url)
        environment = {**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        ran = subprocess.run(["bash", "-eu"], input=script, env=environment, capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stderr
    parts = ran.stdout.split("---\n")[:-1]
    assert len(parts) == len(steps)
    return [json.loads(part.splitlines()[-1]) if part else None for part in parts]


def test_the_flow_ends_with_bob_in_the_list_of_alice(answers):
    alice, bob, alice_again = answers[-3], answers[-2]["activated_profile"], answers[-1]
    assert bob["active_user_code"] == alice["invite_code"]
    assert alice_again["activeusers"] == [{"phone": bob["phone"]}]


def test_the_flow_answers_what_is_printed_below_each_call(answers):
    assert [lasting(answer) for answer in answers] == [lasting(printed) for _, printed in flow("README.md")]


def test_the_flow_is_four_calls():
    assert sum(block.count("curl ") for block, _ in flow("README.md")) == 4


# ---- all papers ------------------------------------------------------------------------------------------------------
def test_the_russian_readme_has_the_same_headings_and_blocks():
    english, russian = (paper(name) for name in READMES)
    headings, blocks = zip(*((outline(text), BLOCK.findall(text)) for text in (english, russian)), strict=True)
    assert headings[0] == headings[1]
    assert [language for language, _ in blocks[0]] == [language for language, _ in blocks[1]]
    for here, there in zip(*blocks, strict=True):
        assert here == there or here[0] == "text"  # the map's words are translated


def outline(text: str) -> list[int]:
    return [len(marks) for marks, _ in HEADING.findall(BLOCK.sub("", text))]


@pytest.mark.parametrize("name", PAPERS)
def test_links_lead_somewhere(name):
    here = (ROOT / name).parent
    for target in LINK.findall(BLOCK.sub("", paper(name))):
        if target.startswith(("http://", "https://")):
            continue
        file, _, anchor = target.partition("#")
        found = (here / file).resolve() if file else ROOT / name
        assert found.is_file(), f"{name}: {target}"
        if anchor:
            assert anchor in anchors(found.read_text(encoding="utf-8")), f"{name}: {target}"


def anchors(text: str) -> set[str]:
    """The anchors of a paper's headings, as GitHub makes them."""
    titles = [title for _, title in HEADING.findall(BLOCK.sub("", text))]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_picture_is_shown_and_none_is_heavy():
    shown = {Path(target).name for name in PAPERS for target in LINK.findall(paper(name)) if target.endswith(".png")}
    pictures = {found.name: found.stat().st_size for found in ROOT.glob("docs/images/*")}
    assert set(pictures) == shown
    assert [name for name, size in pictures.items() if size >= HEAVIEST] == []


@pytest.mark.parametrize("name", READMES)
def test_the_readme_opens_with_a_picture(name):
    assert "![" in paper(name).partition("\n## ")[0]


@pytest.mark.parametrize("name", [*PAPERS, ".env.example"])
def test_no_paper_knows_the_machine_that_it_was_written_on(name):
    assert not re.findall(r"(?<![\w.])/(?:work|root|home|tmp|Users|mnt)/\S*", paper(name))


@pytest.mark.parametrize("name", PAPERS)
def test_every_make_command_exists(name):
    targets = re.findall(r"^(\w+):", paper("Makefile"), re.MULTILINE)
    assert set(re.findall(r"\bmake ([a-z]+)`", paper(name))) <= set(targets)


def test_every_decision_stands_in_the_index():
    records = sorted(found.name for found in ROOT.glob("docs/decisions/[0-9]*.md"))
    assert LINK.findall(paper("docs/decisions/README.md")) == records
