"""The documents say what is so: settings, addresses, refusals, links; and the README's flow works as printed."""

import json
import os
import re
import shutil
import subprocess
import sys
from typing import Any

import pytest

from guestlist.api.errors import STATUS
from guestlist.api.openapi import WITH_BODY
from guestlist.api.urls import api
from tests import servers

ROOT = servers.ROOT
READMES = ["README.md", "README.ru.md"]
PAPERS = [*READMES, "CHANGELOG.md", *(str(found.relative_to(ROOT)) for found in sorted(ROOT.glob("docs/**/*.md")))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")

ANY_REQUEST = {"unavailable", "internal_error", "not_signed_in", "csrf_failed", *WITH_BODY}
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
    documented = {name: cells[1] for cells in rows(paper("docs/settings.md")) for name in quoted(cells[0])}
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
    assert {request: refusals - ANY_REQUEST for request, refusals in table.items()} == operations()


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
