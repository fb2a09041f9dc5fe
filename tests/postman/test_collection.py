"""The Postman collection is complete, honest and fit to be shared: read as a file, without server and node."""

import json
import re
from pathlib import Path

import pytest

from guestlist.api.urls import api
from tests import npm

HERE = Path(__file__).resolve().parent
POSTMAN = HERE.parent.parent / "postman"
COLLECTION = POSTMAN / "guestlist.postman_collection.json"
ENVIRONMENTS = sorted(POSTMAN.glob("*.postman_environment.json"))
PACKAGES = [HERE, HERE.parent / "e2e"]
NAMED = [folder / name for folder in PACKAGES for name in ("package.json", "package-lock.json", ".npmrc")]
SHARED = [COLLECTION, *ENVIRONMENTS, *NAMED]

PAGES = {
    ("GET", "/"),
    ("GET", "/docs/"),
    ("GET", "/redoc/"),
    ("GET", "/openapi.json/"),
    ("GET", "/.well-known/jwks.json/"),
    ("GET", "/metrics/"),
}
MISTAKES = {("GET", "/user/nothing-here/"), ("DELETE", "/user/login/")}  # made on purpose, to show the refusals
VARIABLE = re.compile(r"\{\{(\w+)\}\}")
KEPT = re.compile(r"collectionVariables\.(?:get|set)\('(\w+)'")
MACHINE = r"/(home|root|tmp|work|Users|private|mnt|opt|usr|var)/|(?<![\w\\])[A-Za-z]:\\\\|file://"
HOST = re.compile(r"https?://([^/\"'\s?)`\\:]+)")
NOBODYS_HOST = re.compile(r"127\.0\.0\.1|schema\.getpostman\.com|(.+\.)?example(\.org)?")
NEVER_WRITTEN_DOWN = {"x-csrftoken", "cookie", "authorization"}

collection = json.loads(COLLECTION.read_text("utf-8"))
schema = api.get_openapi_schema()


def requests_in(items):
    for item in items:
        if "item" in item:
            yield from requests_in(item["item"])
        else:
            yield item


def folders_in(items):
    for item in items:
        if "item" in item:
            yield item
            yield from folders_in(item["item"])


REQUESTS = list(requests_in(collection["item"]))
FOLDERS = list(folders_in(collection["item"]))
EXAMPLES = [(request, example) for request in REQUESTS for example in request["response"]]
each_request = pytest.mark.parametrize("item", REQUESTS, ids=lambda item: item["name"])
each_example = pytest.mark.parametrize(
    ("item", "example"), EXAMPLES, ids=[f"{item['name']}: {example['name']}" for item, example in EXAMPLES]
)


def address(request):
    """What a request calls, as (method, path): with a last slash, and {} for whatever a variable fills in."""
    path = "/".join(VARIABLE.sub("{}", part) for part in request["url"]["path"])
    return request["method"], f"/{path}".rstrip("/") + "/"


OPERATIONS = {
    (method.upper(), re.sub(r"\{\w+\}", "{}", path)): operation
    for path, methods in schema["paths"].items()
    for method, operation in methods.items()
}


def script(item, listen):
    return "\n".join(line for event in item.get("event", []) if event["listen"] == listen for line in _lines(event))


def _lines(event):
    return event["script"]["exec"]


@pytest.mark.parametrize("operation", sorted(OPERATIONS), ids=" ".join)
def test_every_operation_is_in_the_collection(operation):
    assert operation in {address(item["request"]) for item in REQUESTS}


@each_request
def test_every_request_is_an_operation_a_page_or_a_mistake_on_purpose(item):
    assert address(item["request"]) in OPERATIONS.keys() | PAGES | MISTAKES


def test_no_page_and_no_mistake_is_listed_that_nobody_sends():
    assert {address(item["request"]) for item in REQUESTS} >= PAGES | MISTAKES
    assert not (PAGES | MISTAKES) & OPERATIONS.keys()


@each_request
def test_every_request_has_tests_an_example_and_a_description(item):
    assert "pm.test(" in script(item, "test")
    assert item["response"], "save an answer as an example"
    assert item["request"]["description"].strip()


@each_request
def test_every_request_goes_to_the_chosen_server(item):
    asked = [item["request"], *(example["originalRequest"] for example in item["response"])]
    for request in asked:
        assert request["url"]["host"] == ["{{baseUrl}}"]
        assert request["url"]["raw"].startswith("{{baseUrl}}/")


@each_example
def test_an_example_is_an_answer_that_the_api_describes(item, example):
    operation = OPERATIONS.get(address(example["originalRequest"]))
    if operation is None:
        return  # a page, or a mistake on purpose
    described = operation["responses"][str(example["code"])]
    kind = next(header["value"] for header in example["header"] if header["key"] == "Content-Type").partition(";")[0]
    assert kind in described["content"]
    body = json.loads(example["body"])
    if kind == "application/problem+json":
        assert f"`{body['code']}`" in described["description"]
        assert body["status"] == example["code"]
    else:
        assert fields_of(body) == fields_in(described["content"][kind]["schema"])


@each_example
def test_an_example_belongs_to_its_request(item, example):
    assert address(example["originalRequest"]) == address(item["request"])
    assert str(example["code"]) == example["name"].partition(" ")[0]


def fields_of(body):
    return set(body[0] if isinstance(body, list) else body)


def fields_in(described):
    if described.get("type") == "array":
        described = described["items"]
    return set(schema["components"]["schemas"][described["$ref"].rpartition("/")[2]]["properties"])


def test_every_folder_and_the_collection_say_what_they_are_for():
    assert all(folder["description"].strip() for folder in FOLDERS)
    assert collection["info"]["description"].strip()
    assert collection["info"]["schema"] == "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"


def test_every_name_stands_once():
    names = [item["name"] for item in [*REQUESTS, *FOLDERS]]
    assert len(names) == len(set(names)), "scripts find the next request by its name"


def test_every_variable_is_defined_and_used():
    scripts_and_requests = json.dumps([collection["item"], collection["event"], collection["auth"]])
    used = set(VARIABLE.findall(scripts_and_requests)) | set(KEPT.findall(scripts_and_requests))
    assert used == {variable["key"] for variable in collection["variable"]}


def test_nothing_of_anybodys_run_is_left_in_the_variables():
    values = {variable["key"]: variable["value"] for variable in collection["variable"]}
    assert values.pop("baseUrl") == "http://127.0.0.1:8000"
    assert set(values.values()) == {""}
    assert "_exporter_id" not in collection["info"]


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.name)
def test_an_environment_sets_the_address_and_hides_nothing_that_scripts_keep(path):
    environment = json.loads(path.read_text("utf-8"))
    assert [value["key"] for value in environment["values"]] == ["baseUrl"]


def test_there_are_two_environments():
    assert [path.name for path in ENVIRONMENTS] == [
        "hosted.postman_environment.json",
        "local.postman_environment.json",
    ]


@each_request
def test_no_credential_is_written_down(item):
    for request in (item["request"], *(example["originalRequest"] for example in item["response"])):
        assert not {header["key"].lower() for header in request["header"]} & NEVER_WRITTEN_DOWN


def test_the_csrf_header_comes_from_the_cookie():
    folder = next(folder for folder in FOLDERS if "CSRF" in folder["name"])
    assert "pm.cookies.get('csrftoken')" in script(folder, "prerequest")
    assert "key: 'X-CSRFToken', value: csrfToken" in script(folder, "prerequest")
    assert folder["auth"]["type"] == "noauth"
    others = [other for other in [collection, *FOLDERS, *REQUESTS] if other is not folder]
    assert not any("upsert" in script(other, "prerequest") for other in others)


def test_apps_keep_no_cookies_and_pages_do():
    for folder in collection["item"]:
        keeps = {not item.get("protocolProfileBehavior", {}).get("disableCookies", False) for item in folder["item"]}
        assert keeps == {"CSRF" in folder["name"]}, folder["name"]


def test_codes_are_asked_for_in_a_sandbox_only():
    guard = script(collection, "prerequest")
    assert "{{baseUrl}}/sandbox/inbox/" in guard
    assert "pm.execution.skipRequest()" in guard


@pytest.mark.parametrize("path", SHARED, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_file_names_a_machine_or_somebodys_server(path):
    text = path.read_text("utf-8")
    assert not re.search(MACHINE, text)
    if path.parent == POSTMAN:
        assert [host for host in HOST.findall(text) if not NOBODYS_HOST.fullmatch(host)] == []


@pytest.mark.parametrize("folder", PACKAGES, ids=lambda folder: folder.name)
def test_a_lock_names_no_registry(folder):
    lock = json.loads((folder / "package-lock.json").read_text("utf-8"))
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]
    assert "registry" not in (folder / "package.json").read_text("utf-8")
    assert "omit-lockfile-registry-resolved=true" in (folder / ".npmrc").read_text("utf-8").splitlines()


def test_what_npm_brings_is_pinned():
    assert re.fullmatch(r"6\.\d+\.\d+", npm.pinned(HERE, "newman"))
    assert re.fullmatch(r"4\.\d+\.\d+", npm.pinned(HERE.parent / "e2e", "axe-core"))
