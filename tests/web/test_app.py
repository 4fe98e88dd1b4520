"""The application: which names it answers to, what is hostile is escaped, nothing heavy is loaded, nothing is fetched."""

from __future__ import annotations

import gzip
import hashlib
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from factories import fill, make_paper
from flask import Flask

import web
from recommender.errors import SettingsError
from recommender.settings import Settings, load
from recommender.store import readers
from recommender.store.db import Database, open_database
from recommender.store.readers import Reader
from web.app import create_app

ROOM = Path(web.__file__).parent


class Outline(HTMLParser):
    """What a page is made of: tags, their attributes, the headings in order, ids and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, *names: str) -> list[dict[str, str | None]]:
        return [attrs for tag, attrs in self.tags if tag in names]


@pytest.mark.parametrize(
    "headers", [{}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": "http://localhost"}]
)
def test_a_form_of_this_site_is_taken(signed_in: Any, edition: Database, headers: dict[str, str]) -> None:
    assert signed_in.post("/account/digest", {"hour": "7", "zone": "UTC"}, headers=headers).status_code == 303


@pytest.mark.parametrize("host", ["localhost", "localhost:8020", "127.0.0.1", "127.0.0.1:1", "[::1]:8020", "papers.example.org"])
def test_it_answers_to_its_own_names(settings: Settings, database: Database, host: str) -> None:
    ours = settings.model_copy(update={"web": settings.web.model_copy(update={"public_url": "http://papers.example.org"})})
    client = create_app(ours, database=database).test_client()
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:8020", "[::2]", "[", "papers.example.org@evil"]
)
def test_it_does_not_answer_to_other_names(client: Any, host: str) -> None:
    response = client.get("/healthz", headers={"Host": host})
    assert response.status_code == 400
    assert "evil" not in response.get_data(as_text=True)


HOSTILE = "<script>alert(1)</script> {{1234*4321}} {% raise %} \u202etxt.exe\u202c \"' onmouseover=x $\\frac{a}{b}$ &lt;b&gt;"


def test_hostile_text_is_shown_as_text(app: Flask, database: Database, settings: Settings, signed_in: Any) -> None:
    fill(
        database,
        settings,
        [
            make_paper(
                1,
                title=HOSTILE,
                abstract=f"{HOSTILE} {'far ' * 300} {HOSTILE}",
                authors=(HOSTILE, *(f"Author {n}" for n in range(5000))),
                categories=(HOSTILE,),
                organization=HOSTILE,
                submitter=HOSTILE,
                comment=HOSTILE,
                url="javascript:alert(1)",
                pdf_url="data:text/html,<script>",
            ),
            make_paper(2),
        ],
    )
    paper_id = make_paper(1).id
    signed_in.get("/")
    signed_in.post("/events", {"kind": "save", "paper": paper_id, "next": "/shelf"})
    for path in ("/", "/shelf", f"/paper/{paper_id}", "/why/1", "/why/2", f"/paper/{make_paper(2).id}"):
        text = signed_in.get(path).get_data(as_text=True)
        assert "<script>alert" not in text, path
        assert "5332114" not in Outline(text).text, path
        assert "\u202e" not in text, path
        assert "javascript:" not in text, path
        assert "data:text" not in text, path
        assert not [attrs for _, attrs in Outline(text).tags if any(name.startswith("on") for name in attrs)], path
        assert len(text) < 200_000, path
    text = Outline(signed_in.get("/").get_data(as_text=True)).text
    assert "<script>alert(1)</script> {{1234*4321}} {% raise %} txt.exe \"' onmouseover=x $\\frac{a}{b}$ &lt;b&gt;" in text


def test_an_ordinary_page_is_lean(edition: Database, signed_in: Any) -> None:
    assert len(signed_in.get("/?show=48").data) < 200_000


def test_headers_of_a_page(client: Any) -> None:
    headers = client.get("/").headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "private, no-cache"
    assert "Strict-Transport-Security" not in headers


def test_the_cookie_is_kept_from_scripts_and_other_sites(signed_in: Any, app: Flask) -> None:
    cookie = signed_in.client.get_cookie("broadsheet")
    assert (cookie.http_only, cookie.same_site, cookie.secure, cookie.path) == (True, "Lax", False, "/")


def test_a_public_address_with_https_means_secure_cookies_and_hsts(settings: Settings, database: Database) -> None:
    ours = settings.model_copy(update={"web": settings.web.model_copy(update={"public_url": "https://papers.example.org"})})
    client = create_app(ours, database=database).test_client()
    plain = client.get("/account", base_url="http://papers.example.org")
    assert (plain.status_code, plain.headers["Location"]) == (302, "https://papers.example.org/account")
    response = client.get("/account", base_url="https://papers.example.org")
    assert response.headers["Strict-Transport-Security"].startswith("max-age=")
    made = create_app(ours, database=database)
    assert made.config["SESSION_COOKIE_SECURE"] is True
    assert made.config["SESSION_COOKIE_NAME"] == "__Host-broadsheet"
    assert client.get("/healthz", base_url="http://127.0.0.1:8020").status_code == 200


def test_static_files_are_kept_for_ever_under_the_name_of_their_content(client: Any) -> None:
    text = client.get("/").get_data(as_text=True)
    addresses = re.findall(r'(?:src|href)="(/static/[^"]+)"', text)
    assert {address.partition("?")[0] for address in addresses} == {
        "/static/favicon.svg",
        "/static/site.css",
        "/static/site.js",
        "/static/vendor/htmx.min.js",
    }
    for address in addresses:
        response = client.get(address)
        assert "immutable" in response.headers["Cache-Control"]
        assert address.endswith(hashlib.sha256(response.data).hexdigest()[:12])
    assert client.get("/static/site.css").headers["Cache-Control"] == "no-cache"


def test_a_wrong_address_gets_a_page_that_says_so(client: Any, signed_in: Any) -> None:
    for browser in (client, signed_in):
        response = browser.get("/nothing/here")
        assert response.status_code == 404
        assert "<h1>There is nothing here</h1>" in response.get_data(as_text=True)


def test_a_form_that_is_too_long_is_refused(signed_in: Any, edition: Database) -> None:
    assert signed_in.post("/start", {"papers": "x" * 1_100_000}).status_code == 413
    assert signed_in.client.put("/start").status_code == 405


def test_a_failure_is_told_in_the_design_of_the_site_and_tells_no_secrets(
    app: Flask, signed_in: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("the secret is 12345")

    monkeypatch.setattr("web.status.runs.sources", broken)
    response = signed_in.get("/status")
    assert response.status_code == 500
    assert "Something went wrong here" in response.get_data(as_text=True)
    assert "12345" not in response.get_data(as_text=True)
    assert "12345" in caplog.text


def test_a_locked_database_asks_to_come_back(
    edition: Database, signed_in: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recommender.store.db.BUSY_TIMEOUT_MS", 50)
    signed_in.get("/")
    impatient = create_app(settings, database=open_database(settings.url), clock=lambda: make_paper().published).test_client()
    impatient.set_cookie("broadsheet", signed_in.client.get_cookie("broadsheet").value)
    with edition.write() as session:
        readers.count(session, simulated=False)  # now the lock is held
        assert impatient.get("/days").status_code == 200  # reading goes on
        response = impatient.post("/events", data={"csrf_token": signed_in.token, "kind": "upvote", "item": "1"})
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "5"
    assert "try again" in response.get_data(as_text=True)
    impatient.application.extensions["broadsheet"].database.close()


def test_a_database_without_tables_says_what_to_run(tmp_path: Path) -> None:
    app = create_app(load({}, home=tmp_path, edition="real"))
    response = app.test_client().get("/signin/x")
    assert response.status_code == 503
    assert "broadsheet db upgrade" in response.get_data(as_text=True)
    app.extensions["broadsheet"].database.close()


def test_it_does_not_start_with_a_short_secret(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="BROADSHEET_WEB__SECRET_KEY"):
        create_app(load({"BROADSHEET_WEB__SECRET_KEY": "short"}, home=tmp_path))


def test_the_sample_edition_says_so_on_every_page(tmp_path: Path, settings: Settings, database: Database, alice: Reader) -> None:
    sample = settings.model_copy(update={"edition": "sample"})
    client = create_app(sample, database=database).test_client()
    for path in ("/", "/nothing", "/signin/x", "/status"):
        assert "Sample edition: every paper and every reader here is invented." in client.get(path).get_data(as_text=True)
    assert "Sample edition" not in create_app(settings, database=database).test_client().get("/").get_data(as_text=True)


def test_a_request_loads_no_text_model() -> None:
    program = """
import sys, tempfile
from datetime import datetime, UTC
from pathlib import Path
from recommender.settings import load
from recommender.store import schema
from recommender.store import readers
from recommender.store.db import open_database
from web.app import create_app
from web.auth import owner_link
settings = load({}, home=Path(tempfile.mkdtemp()), edition="real")
database = open_database(settings.url)
schema.upgrade(database)
client = create_app(settings, database=database).test_client()
client.get(owner_link(database, settings, datetime.now(UTC)).partition("8020")[2])
assert [client.get(path).status_code for path in ("/", "/status", "/days", "/shelf")] == [200] * 4
heavy = ("torch", "sentence_transformers", "transformers", "recommender.embed", "recommender.ingest", "training", "apscheduler")
print([name for name in heavy if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOM.parent, check=False, timeout=60
    )
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


def test_no_template_goes_around_the_escaping() -> None:
    templates = [*ROOM.glob("templates/**/*.html")]
    assert len(templates) > 10
    for path in templates:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\|\s*safe|autoescape|Markup", text), path
        if "email" not in path.parts:
            assert not re.search(r"<style|style=|<script(?! src=)|\son[a-z]+=", text), path


def test_no_page_or_style_names_another_site(client: Any) -> None:
    for path in [*ROOM.glob("templates/*.html"), ROOM / "static/site.css"]:
        text = re.sub(r"<a [^>]*>", "", path.read_text(encoding="utf-8"))  # a link is followed by a person, never by the page
        assert not re.search(r"""(?:src|href|url|@import)\s*[=(]?\s*["']?(?:https?:)?//""", text), path


def test_the_style_and_the_script_are_small() -> None:
    assert len(gzip.compress((ROOM / "static/site.css").read_bytes())) <= 12_000
    assert (ROOM / "static/site.js").stat().st_size <= 6_000


def test_the_files_of_others_are_the_ones_that_are_written_down() -> None:
    folder = ROOM / "static/vendor"
    rows = re.findall(
        r"^\| `([^`]+)` \|.*\| `([0-9a-f]{64})` \|$", (folder / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert {name for name, _ in rows} == {path.name for path in folder.iterdir()} - {"README.md"}
    for name, digest in rows:
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
