"""The looks themselves: each finds what it is there for."""

import pytest

from tests.e2e import looks

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("looks")]

GOOD = """<!doctype html><html lang="ru"><head><title>Вход – Guestlist</title>
<style>:focus-visible { outline: 3px solid }</style></head><body><main><h1>Вход</h1>
<label for="it">Имя</label> <input id="it"> %s</main></body></html>"""
BAD = {
    '<p style="color: #BBB; background: #FFF">бледно</p>': "color-contrast",
    '<img src="data:," id="x">': "image-alt",
    '<ul><li><a href="#a">один</a></li><li><a href="#b">два</a></li></ul>': "target-size",
    '<div style="width: 350px">широко</div>': "px wide where there are 320",
    "<textarea></textarea>": "no label",
    '<button style="outline: none">Войти</button>': "focus unseen",
    "<p>Sign in</p>": "not in Russian: Sign in",
    '<button aria-label="Recovery">Войти</button>': "not in Russian: Recovery",
    "<p>Messages to +7 900 111-22-33, newest first.</p>": "not in Russian: Messages to",
}


@pytest.fixture
def blank(window):
    with window("ru") as page:
        yield page


def test_a_page_without_faults_is_found_so(blank):
    blank.set_content(GOOD % "<p>Код <code>CODE</code> от Telegram</p>")
    looks.examine(blank, "good", "ru")


@pytest.mark.parametrize(("fault", "found"), BAD.items(), ids=BAD.values())
def test_a_fault_is_found(blank, fault, found):
    blank.set_content(GOOD % fault)
    with pytest.raises(AssertionError, match=found):
        looks.examine(blank, "bad", "ru")


@pytest.mark.parametrize(
    "said",
    ["Sign in", "First you see whose it is. You can enter only one, once. Go", "and 6 more people of the list", "Home"],
)
def test_english_is_found(said):
    assert looks.foreign([said], latin=said != "and 6 more people of the list") == [said]
