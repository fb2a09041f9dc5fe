"""Languages: each page in English and Russian, each sentence translated."""

import ast
import gettext
import re
from pathlib import Path

import pytest
from django.utils import translation

from guestlist.lib.refusals import WORDS, Refusal
from guestlist.web.answers import words
from guestlist.web.templatetags.guestlist import client_name, written
from tests.guests import Guest
from tests.web.conftest import ALICE

GUESTLIST = Path(__file__).resolve().parents[2] / "guestlist"
CATALOG = GUESTLIST / "locale" / "ru" / "LC_MESSAGES" / "django.po"
SAME_IN_RUSSIAN = {"API"}


def test_a_russian_browser_reads_russian(visitor):
    alice = visitor("ru-RU,ru;q=0.9,en;q=0.5").see("/")
    assert '<html lang="ru">' in alice.html
    assert "Вход по телефону" in alice.text
    alice.submit("/sign-in/", phone="123")
    assert "На такой номер мы не можем отправить код." in alice.text
    alice.ask(ALICE)
    assert f"Код {alice.code}. Никому его не говорите." in alice.text
    assert "Действует ещё 5 минут." in alice.text
    assert "Код не подошёл. Осталось 2 попытки." in alice.guess_wrong().text
    assert "Осталась 1 попытка." in alice.guess_wrong().text


@pytest.mark.parametrize(
    ("count", "said"),
    [(1, "пришёл 1 человек"), (2, "пришли 2 человека"), (5, "пришло 5 человек"), (21, "пришёл 21 человек")],
)
def test_russian_counts_people_in_three_forms(visitor, count, said):
    alice = visitor("ru").sign_in(ALICE)
    for number in range(count):
        Guest(f"+79010000{number:03}").sign_in().activate(alice.invite_code)
    assert f"С вами {said}" in alice.see("/").text


def test_the_language_is_switched_in_the_footer_and_kept(visitor):
    alice = visitor("en").ask(ALICE).submit("/language/", language="ru")
    assert alice.path == "/code/"
    assert "Введите код" in alice.text
    assert "Введите код" in alice.see("/code/").text
    assert "Enter the code" in alice.submit("/language/", language="en").text


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (1, "Повторите через 1 секунду."),
        (60, "Повторите через 60 секунд."),
        (121, "Повторите через 3 минуты."),
        (3600, "Повторите через 60 минут."),
        (7200, "Повторите через 2 часа."),
        (86_400, "Повторите через 24 часа."),
    ],
)
def test_a_wait_is_told_in_whole_units(seconds, said):
    with translation.override("ru"):
        assert words(Refusal("too_many_requests", retry_after=seconds)) == f"Слишком часто. {said}"


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_switching_the_language_leads_to_no_other_site(visitor, elsewhere):
    alice = visitor().see("/")
    typed = {"csrfmiddlewaretoken": alice.answer.context["csrf_token"], "language": "ru", "next": elsewhere}
    assert alice.client.post("/language/", typed)["Location"] == "/"


@pytest.mark.parametrize("code", WORDS)
def test_each_refusal_is_told_in_russian(code):
    with translation.override("ru"):
        assert re.search("[а-яё]", str(Refusal(code)))


def test_each_sentence_of_the_templates_is_translated():
    found = {
        (template.name, text)
        for template in GUESTLIST.glob("*/templates/**/*.html")
        for _, text in re.findall(r"""\{% translate (["'])(.+?)\1""", template.read_text())
    }
    assert len(found) > 50
    with translation.override("ru"):
        assert not {
            (name, text)
            for name, text in found
            if text not in SAME_IN_RUSSIAN
            and translation.gettext(text) == text
            and translation.pgettext("session", text) == text
        }


def test_each_sentence_of_the_code_is_in_the_catalog():
    marks = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext"}
    found = {
        (file.name, call.args[0].value)
        for file in GUESTLIST.rglob("*.py")
        for call in ast.walk(ast.parse(file.read_text()))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in marks
        if call.args and isinstance(call.args[0], ast.Constant)
    }
    assert len(found) > 50
    known = set(re.findall(r'^msgid "(.+)"$', CATALOG.read_text(), re.MULTILINE))
    assert {(file, text) for file, text in found if text.replace('"', '\\"') not in known} == set()


def test_the_catalog_is_complete_and_compiled():
    source = CATALOG.read_text()
    assert "#, fuzzy" not in source
    assert not re.search(r'msgstr(\[\d\])? ""\n(?!")', source)
    with CATALOG.with_suffix(".mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    entries = re.findall(r'^msgid "(.+)"\nmsgstr "(.+)"$', source, re.MULTILINE)
    assert len(entries) > 100
    for english, russian in entries:
        if f'msgctxt "session"\nmsgid "{english}"' not in source:
            unescaped = russian.replace('\\"', '"')
            assert compiled.gettext(english.replace('\\"', '"')) == unescaped


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0", "Firefox on Linux"),
        (
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36",
            "Chrome on Android",
        ),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) Version/17.6 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/130.0 YaBrowser/24.7 Safari/537.36", "Yandex on Windows"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/130.0 Safari/537.36 Edg/130.0", "Edge on Windows"),
        ("curl/8.5.0", "curl"),
        ("", "Unknown client"),
        ("  (x)", "Unknown client"),
    ],
)
def test_a_client_is_named_in_words(user_agent, name):
    assert client_name(user_agent) == name


@pytest.mark.parametrize(
    ("phone", "spelled"),
    [
        ("+79001112233", "8 (900) 111-22-33"),
        ("+12015550123", "+1 201-555-0123"),
        ("+7 900 ***-**-33", "+7 900 ***-**-33"),
    ],
)
def test_a_number_is_written_as_people_here_write_it(phone, spelled):
    assert written(phone) == spelled
