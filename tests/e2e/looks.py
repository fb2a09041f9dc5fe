"""What must be true of every page, however one looks at it: in both themes, narrow and wide."""

import gettext
import re
from functools import cache
from itertools import product
from pathlib import Path

import django.contrib.admin
import django.contrib.auth

from tests import npm
from tests.e2e.guests import SCREENSHOTS
from tests.servers import ROOT

LEAST, NARROW, WIDE = 320, 360, 1280  # px
THEMES = ("light", "dark")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]
CATALOGUES = [ROOT / "guestlist" / "locale"] + [
    Path(app.__file__).parent / "locale" for app in (django.contrib.admin, django.contrib.auth)
]
# Names, and words that are written so in Russian too.
NAMES = "Guestlist|SMS|Telegram|English|API|QR|Chrome|HeadlessChrome|Linux|Python|urllib|localhost|UTC"

AXE = """async (rules) => {
    const how = {runOnly: {type: "tag", values: rules}, resultTypes: ["violations"], preload: false};
    const found = await axe.run(document, how);
    return found.violations.flatMap((rule) => rule.nodes.map((node) =>
        `${rule.id}: ${node.target.join(" ")}: ${node.failureSummary} ${node.html.slice(0, 160)}`));
}"""

# Everything that takes the focus shows so, by an outline of at least 2 px; and every field has its label.
CONTROLS = """() => {
    const faults = [], focused = document.activeElement;
    for (const it of document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")) {
        if (!it.checkVisibility({visibilityProperty: true}) || it.disabled || it.tabIndex < 0) continue;
        const name = it.outerHTML.slice(0, 120);
        if (it.matches("input:not([type=hidden], [type=submit]), select, textarea")
            && ![...it.labels].some((label) => label.textContent.trim())
            && !it.getAttribute("aria-label") && !it.getAttribute("aria-labelledby"))
            faults.push(`no label: ${name}`);
        it.focus({preventScroll: true});
        const {outlineStyle, outlineWidth} = getComputedStyle(it);
        if (document.activeElement !== it) faults.push(`takes no focus: ${name}`);
        else if (outlineStyle === "none" || parseFloat(outlineWidth) < 2) faults.push(`focus unseen: ${name}`);
    }
    document.activeElement.blur();
    if (focused !== document.body) focused.focus({preventScroll: true});
    return faults;
}"""

# Every text that somebody sees or hears, piece by piece; what is marked as no word of a language is left out.
WORDS = """() => {
    const said = [document.title], kept = "[translate=no], code, .code, .number, time, svg, .bubble, [lang]:not(html)";
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const at = walker.currentNode.parentElement;
        if (at.checkVisibility() && !at.closest(kept) && !at.closest("script, style, template"))
            said.push(walker.currentNode.data);
    }
    for (const it of document.querySelectorAll("[aria-label], [alt], [title], [placeholder], input[type=submit]"))
        if (it.checkVisibility() && !it.closest(kept))
            said.push(...["aria-label", "alt", "title", "placeholder"].map((name) => it.getAttribute(name) ?? ""),
                      it.type === "submit" ? it.value : "");
    return said.map((words) => words.replace(/\\s+/g, " ").trim()).filter((words) => words);
}"""


def examine(page, name: str, language: str = "en", *, script: bool = True, latin: bool = False) -> None:
    """Look at a page in each theme and width, and leave pictures in var/screenshots/; fails with all that is amiss.

    `latin`: words of the machine stand on it, as on operators' pages; then only texts that have a translation are
    looked for, but for single words without a capital: `code` names a kind of message.
    """
    faults = []
    page.evaluate(_axe()) if script else None
    for theme, width in product(THEMES, (NARROW, WIDE)):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        page.set_viewport_size({"width": width, "height": 844})
        found = page.evaluate(AXE, RULES) if script else []
        faults += [f"{theme} {width}: {fault}" for fault in found]
        page.screenshot(path=SCREENSHOTS / f"{name}-{language}-{theme}-{width}.png", full_page=True)
    page.set_viewport_size({"width": LEAST, "height": 844})
    wide = page.evaluate("document.documentElement.scrollWidth")
    faults += [f"{wide} px wide where there are {LEAST}"] if wide > LEAST else []
    page.set_viewport_size({"width": NARROW, "height": 844})
    page.keyboard.press("Tab")  # from now on the focus is that of somebody with a keyboard
    faults += page.evaluate(CONTROLS)
    if language == "ru":
        faults += [f"not in Russian: {words}" for words in foreign(page.evaluate(WORDS), latin)]
    page.emulate_media(color_scheme="light", reduced_motion="no-preference")
    tell(name, faults)


def tell(name: str, faults: list[str]) -> None:
    """Fail with all that is amiss on a page, each once."""
    assert not faults, "\n".join([name, *dict.fromkeys(" ".join(fault.split()) for fault in faults)])


def foreign(said: list[str], latin: bool = False) -> list[str]:
    """What of a Russian page is not in Russian."""
    texts, patterns = _translated()
    left = [words for words in said if words in texts or any(pattern.search(words) for pattern in patterns)]
    if latin:
        left = [words for words in left if not re.fullmatch(r"[a-z_]+", words)]
    else:
        known = re.compile(rf"\b({NAMES})\b|\S*[@/.]\S*|\d\w*")
        left += [words for words in said if re.search(r"[A-Za-z]{2,}", known.sub("", words))]
    return left


@cache
def _axe() -> str:
    return (npm.installed(Path(__file__).parent, "axe-core") / "axe.min.js").read_text("utf-8")


@cache
def _translated() -> tuple[set[str], list[re.Pattern[str]]]:
    """English texts that have a translation: whole ones; and patterns of those into which something is put."""
    texts, patterns = set(), []
    for folder in CATALOGUES:
        with (folder / "ru" / "LC_MESSAGES" / "django.mo").open("rb") as file:
            catalogue = gettext.GNUTranslations(file)._catalog
        for key, translation in catalogue.items():
            text = (key[0] if isinstance(key, tuple) else key).rpartition("\x04")[2]
            if not text or translation == text or not re.search(r"[A-Za-z]{2}", text):
                continue
            parts = [" ".join(part.split()) for part in re.split(r"%\(\w+\)[sd]|%[sd]|\{\w+\}|<[^>]+>", text)]
            if len(parts) == 1:
                texts.add(parts[0])
            patterns += [re.compile(re.escape(part)) for part in parts if len(part.split()) > 2]
    return texts, patterns
