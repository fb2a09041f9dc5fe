"""`manage.py rotatekeys`: keys change while codes are on their way and people are signed in (C35)."""

import base64
import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from guestlist.lib import keyfiles, keys
from tests import servers

PHONE, OTHER_PHONE = "+79001112233", "+79005556677"
RING = "4:9fK2vQ7xLwT4mZr8NcB5yHd3JpG6sWqX,3:XqWs6GpJ3dHy5BcN8rZm4TwLx7Qv2Kf9"


@pytest.fixture
def folder(tmp_path, settings):
    """Keys that are kept in files, as those of a first start are."""
    settings.SECRETS_FOLDER, settings.GIVEN_SECRETS = tmp_path, []
    settings.RING_SECRETS = dict(keyfiles.kept(tmp_path, ["CODE_PEPPER", "JWT_KEY"]))
    return tmp_path


def test_kept_keys_get_a_new_one_in_front_and_nothing_is_printed_but_their_ids(folder, settings, capsys, caplog):
    call_command("rotatekeys")
    for name, old in settings.RING_SECRETS.items():
        (new, new_key), (kept, kept_key) = keys.ring_entries((folder / name).read_text()).items()
        assert (new, kept, kept_key) == (2, 1, old)
        assert keys.fault(new_key) is None
    out, err = capsys.readouterr()
    assert out == ""
    assert "restart every process" in err
    assert f"CODE_PEPPER in {folder / 'CODE_PEPPER'} now has the keys 2, 1;" in err
    assert not [one for name in settings.RING_SECRETS for one in all_keys(folder / name) if one in err + caplog.text]


def test_dropping_leaves_the_newest_only(folder, capsys):
    call_command("rotatekeys")
    newest = [all_keys(folder / name)[0] for name in ("CODE_PEPPER", "JWT_KEY")]
    call_command("rotatekeys", drop=True)
    assert [all_keys(folder / name) for name in ("CODE_PEPPER", "JWT_KEY")] == [[newest[0]], [newest[1]]]
    call_command("rotatekeys", drop=True)
    assert [all_keys(folder / name) for name in ("CODE_PEPPER", "JWT_KEY")] == [[newest[0]], [newest[1]]]
    assert capsys.readouterr().out == ""


def test_keys_that_were_given_are_printed_to_stdout_only(folder, settings, capsys, caplog):
    settings.GIVEN_SECRETS, settings.RING_SECRETS = ["CODE_PEPPER"], {"CODE_PEPPER": RING}
    before = (folder / "CODE_PEPPER").read_text()
    call_command("rotatekeys")
    out, err = capsys.readouterr()
    (new,) = re.fullmatch(rf"CODE_PEPPER=5:([\w-]{{64}}),{RING}\n", out).groups()
    assert "CODE_PEPPER_FILE" in err
    assert new not in err + caplog.text
    assert (folder / "CODE_PEPPER").read_text() == before
    call_command("rotatekeys", drop=True)
    assert capsys.readouterr().out == f"CODE_PEPPER={RING.partition(',')[0]}\n"


def test_a_service_that_makes_no_tokens_has_no_key_to_change(folder, settings, capsys):
    settings.RING_SECRETS = {"CODE_PEPPER": settings.RING_SECRETS["CODE_PEPPER"]}
    before = (folder / "JWT_KEY").read_text()
    call_command("rotatekeys")
    assert (folder / "JWT_KEY").read_text() == before
    assert "JWT_KEY" not in capsys.readouterr().err


def test_a_file_that_is_gone_is_told_in_a_sentence(folder, settings):
    (folder / "CODE_PEPPER").unlink()
    with pytest.raises(CommandError, match=r"^CODE_PEPPER: .* cannot be written: No such file"):
        call_command("rotatekeys")


def test_nobody_is_signed_out_by_new_keys_and_codes_on_their_way_stay_good_until_they_are_dropped(tmp_path):
    database = f"sqlite:///{tmp_path / 'guestlist.sqlite3'}"
    alice = {"phone": PHONE, "invite_code": "none"}
    with serving(database) as url:
        signed_in = confirm(url, {**ask(url, OTHER_PHONE), "phone": OTHER_PHONE})
        asked = ask(url, PHONE)
        old = mint(url, signed_in["token"])
        assert kids(url) == [kid(old)]
    rotate(database)
    with serving(database) as url:
        assert profile(url, signed_in["token"]) == OTHER_PHONE
        assert profile(url, cookie=signed_in["token"]) == OTHER_PHONE
        again = ask(url, PHONE, challenge=asked["challenge"])  # the code of the old key, sent once more
        assert (again["code"], again["challenge"]) == (asked["code"], asked["challenge"])
        confirmed = confirm(url, {**alice, **asked})
        new = mint(url, confirmed["token"])
        assert kids(url) == [kid(new), kid(old)]
        assert kid(new) != kid(old)
        known = ask(url, OTHER_PHONE, device=signed_in["device"])
        assert known["code_length"] == 4
    rotate(database)
    with serving(database) as url:
        last = ask(url, PHONE)
    rotate(database, "--drop")
    with serving(database) as url:
        assert confirm(url, {**alice, **last})["login"] is True
        refused = confirm(url, {"phone": OTHER_PHONE, **known})
        assert (refused["status"], refused["code"]) == (400, "code_expired")
        fresh = ask(url, OTHER_PHONE, challenge=known["challenge"], device=signed_in["device"])
        assert fresh["challenge"] != known["challenge"]
        assert (
            confirm(url, {"phone": OTHER_PHONE, "device": signed_in["device"], **fresh})["device"]
            == signed_in["device"]
        )
        assert [profile(url, one["token"]) for one in (signed_in, confirmed)] == [OTHER_PHONE, PHONE]
        assert [profile(url, cookie=one["token"]) for one in (signed_in, confirmed)] == [OTHER_PHONE, PHONE]
        assert len(kids(url)) == 1
        assert kids(url)[0] not in (kid(old), kid(new))


def all_keys(path) -> list[str]:
    return list(keys.ring_entries(path.read_text()).values())


def serving(database: str):
    return servers.running(database, SANDBOX_DELAY="0", JWT_AUDIENCES="reports")


def rotate(database: str, *arguments: str) -> None:
    command = [sys.executable, "manage.py", "rotatekeys", *arguments]
    variables = {**os.environ, "DATABASE_URL": database}
    ended = subprocess.run(command, cwd=servers.ROOT, env=variables, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr


def call(url: str, path: str, body: Any = None, token: str = "", cookie: str = "") -> Any:
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    headers |= {"Cookie": f"guestlist_session={cookie}"} if cookie else {}
    text = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, text, headers)
    try:
        answer = urllib.request.urlopen(request, timeout=10)
    except urllib.error.HTTPError as refused:
        answer = refused
    with answer:
        assert answer.status < 500
        return json.load(answer)


def ask(url: str, phone: str, **more: str) -> Any:
    return call(url, "/user/login/", {"phone": phone, **more})


def confirm(url: str, body: dict[str, Any]) -> Any:
    return call(url, "/user/confirm/", body)


def profile(url: str, token: str = "", cookie: str = "") -> str:
    return call(url, "/user/user-profile/", token=token, cookie=cookie)["phone"]


def mint(url: str, token: str) -> str:
    return call(url, "/user/token/", {"audience": "reports"}, token)["access_token"]


def kids(url: str) -> list[str]:
    return [key["kid"] for key in call(url, "/.well-known/jwks.json")["keys"]]


def kid(token: str) -> str:
    header = token.partition(".")[0]
    return json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))["kid"]
