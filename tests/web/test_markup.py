"""What stands in each template and page: nothing inline, nothing from elsewhere, nothing heavy, every label tied."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders

from guestlist.api import profile_sql
from tests.web.conftest import ALICE, BOB

WEB = Path(__file__).resolve().parents[2] / "guestlist" / "web"
TEMPLATES = sorted((WEB / "templates").rglob("*.html"))
HEAVIEST = 60 * 1024
TAG = re.compile(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", re.DOTALL)


class Strict(HTMLParser):
    """Finds what the content security policy would refuse."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._in_script = False
        self.feed(html)

    def handle_starttag(self, tag, attrs) -> None:
        names = dict(attrs)
        self._in_script = tag == "script"
        self.found += [f"<{tag} {name}>" for name in names if name == "style" or name.startswith("on")]
        self.found += [
            f"{name}={value}" for name, value in attrs if (value or "").strip().lower().startswith("javascript:")
        ]
        if tag == "style" or (tag == "script" and not names.get("src")):
            self.found.append(f"<{tag}> inline")
        if tag in ("link", "script", "img", "iframe") and re.match(
            r"(https?:)?//", names.get("src") or names.get("href") or ""
        ):
            self.found.append(f"<{tag}> from elsewhere")

    def handle_endtag(self, tag) -> None:
        self._in_script = False

    def handle_data(self, data) -> None:
        if self._in_script and data.strip():
            self.found.append("script inside")


def test_the_check_itself_finds_what_it_looks_for():
    bad = '<p style="x" onclick="y"><a href="javascript:z"><style></style><script>1</script><img src="//x/y">'
    assert len(Strict(bad).found) == 7


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_has_nothing_inline(template):
    # an expression in src or href stands for an address of our own
    assert Strict(TAG.sub("/x", template.read_text())).found == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_each_asset_exists(template):
    for asset in re.findall(r"""\{% static ['"](.+?)['"] %\}""", template.read_text()):
        assert finders.find(asset), asset


def test_style_sheets_fetch_nothing():
    for sheet in (WEB / "static" / "web").glob("*.css"):
        assert not re.search(r"url\(|@import", sheet.read_text()), sheet.name


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_pair_of_colours_can_be_read(scheme):
    light, dark = (WEB / "static" / "web" / "tokens.css").read_text().split("@media")
    colour = dict(re.findall(r"--([a-z-]+): #([0-9A-F]{6});", light))
    if scheme == "dark":
        colour |= dict(re.findall(r"--([a-z-]+): #([0-9A-F]{6});", dark))
    texts = [("on-accent", "accent"), ("on-danger", "danger"), ("sandbox-ink", "sandbox-ground")]
    texts += [(ink, ground) for ink in ("ink", "quiet", "accent", "danger") for ground in ("paper", "card")]
    assert {pair: contrast(*(colour[name] for name in pair)) for pair in texts if not readable(colour, pair, 4.5)} == {}
    assert all(readable(colour, pair, 3) for pair in [("edge", "paper"), ("edge", "card")])


def readable(colour, pair, least) -> bool:
    return contrast(colour[pair[0]], colour[pair[1]]) >= least


def contrast(one, other) -> float:
    """WCAG 2.2's contrast ratio of two colours in hex."""
    darker, lighter = sorted(luminance(colour) for colour in (one, other))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def pages(visitor):
    alice = visitor().see("/")
    yield "phone", alice
    yield "phone refused", alice.submit("/sign-in/", phone="1")
    yield "code", alice.ask(ALICE)
    yield "code refused", alice.guess_wrong()
    yield "profile", alice.submit("/code/", code=alice.code)
    yield "e-mail refused", alice.submit("/profile/", email="x")
    yield "invite refused", alice.submit("/activate/preview/", invite_code="x")
    bob = visitor().sign_in(BOB)
    yield "preview", alice.submit("/activate/preview/", invite_code=bob.invite_code)
    yield "shared link", alice.see(f"/i/{bob.invite_code}")
    yield "half a link", alice.see("/i/7K2")
    yield "link before a sign-in", visitor().see(f"/i/{bob.invite_code}")
    yield "kept code", visitor().see(f"/i/{bob.invite_code}").see("/")
    bob.submit("/sign-out/")
    bob.sign_in(BOB)
    visitor().sign_in(BOB).submit("/sign-out/")
    yield "profile with a device", bob.see("/")
    yield "leave", bob.see("/leave/")
    yield "invitees", alice.see("/invitees/")
    yield "problem", alice.see("/nowhere/")


def test_each_page_is_strict_and_its_labels_and_descriptions_lead_somewhere(visitor):
    for name, alice in pages(visitor):
        assert Strict(alice.html).found == [], name
        assert "{%" not in alice.html, name
        assert len(alice.page.ids) == len(set(alice.page.ids)), name
        for points in re.findall(r'(?:for|aria-describedby|aria-labelledby)="([^"]+)"', alice.html):
            assert set(points.split()) <= set(alice.page.ids), (name, points)
        for field in alice.page.fields.values():
            assert f'<label for="{field["id"]}">' in alice.html, (name, field)
        assert alice.html.count("<h1") == 1, name
        assert alice.html.count('class="button primary"') <= 1, name
        assert alice.html.count("autofocus") <= 1, name
        assert "Sandbox" in alice.text, name
        assert "'unsafe-inline'" not in alice.answer["Content-Security-Policy"], name


@pytest.mark.usefixtures("live")
def test_a_live_gateway_has_no_sandbox_on_its_pages(visitor):
    alice = visitor().ask(ALICE)
    assert alice.path == "/code/"
    assert alice.code == "None"
    assert "Sandbox" not in alice.text
    assert "handset" not in alice.html
    assert alice.see("/sandbox/inbox/").statuses == [404]


def test_the_heaviest_page_with_its_assets_stays_light(visitor, monkeypatch):
    alice = visitor().sign_in(ALICE)
    plain = profile_sql.profile
    crowd = {
        "activeusers": [{"phone": "+79001112233"}] * 100,
        "activeusers_count": 100_000,
        "activeusers_next": "?cursor=x",
    }
    monkeypatch.setattr(profile_sql, "profile", lambda shown: {**plain(shown), **crowd})
    for _ in range(25):
        visitor().sign_in(ALICE)
    alice.see("/")
    assert "and 6 more" in alice.text
    assets = set(re.findall(r'"/static/([^"]+)"', alice.html))
    assert len(assets) == 4
    weight = len(alice.html.encode()) + sum(Path(finders.find(asset)).stat().st_size for asset in assets)
    assert weight < HEAVIEST, weight
