"""Nothing in, every route's place out: open to anybody, one's own, the owner's; how to ask for each, and what a sound page is.

A new route must be entered here: tests/web/test_routes.py compares these lists with the application's own map of addresses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from itertools import pairwise

from factories import DAY
from flask import Flask
from werkzeug.routing import IntegerConverter, Rule

__all__ = ["API", "OPEN", "OWN", "OWNER", "PAPER", "SELF", "SIGNED", "Outline", "Try", "in_kind", "paths", "well_formed"]

PAPER = "arxiv:2605.10084"

# Answer anybody: what is public, the doors, and what an unguessable link stands for.
OPEN = {
    *("static", "status.healthz", "status.readyz"),
    *("auth.door", "auth.enter", "auth.mail_link", "auth.asked", "auth.mailed", "auth.redeem", "auth.signin"),
    *("signup.signup", "signup.asked", "signup.finish", "signup.join", "credentials.confirm"),
    *("subscribe.form", "subscribe.ask", "subscribe.asked", "subscribe.confirm"),
    *("feeds.feed", "sharing.shared", "sharing.export_shared", "api.description", "api.manual"),
}
# The signature in the link speaks, not a cookie: no token is asked for, and a wrong link is 404.
SIGNED = {"digest.go", "digest.read", "digest.vote", "digest.leave"}
# Answer in JSON, and take a token in a header.
API = {
    *("api.list_papers", "api.list_similar", "api.list_trending", "api.me", "api.one_paper", "api.own_day", "api.own_interests"),
    *("api.search", "api.vote"),
}
# Show or change nothing but what is everybody's, or the reader's own by being signed in: nobody else's can be named.
SELF = {
    *("account.account", "account.choices", "account.digest", "account.pause", "account.send_now", "account.write_again"),
    *("auth.signout", "export.download", "export.leave"),
    *("credentials.email", "credentials.end_others", "credentials.password"),
    *("everyone.days", "everyone.front", "everyone.stretch", "today.front", "today.one_day", "paper.one", "people.author"),
    *("people.organization", "people.follow", "search.search", "search.keep", "status.status", "status.keyboard"),
    *("interests.listing", "interests.create", "rules.listing", "rules.add", "rules.dismiss", "keys.listing", "keys.make_token"),
    *("shelf.shelf", "shelf.create", "shelf.mark", "sharing.export", "sharing.export_paper", "submit.submit"),
    *("discussion.add", "discussion.answer", "discussion.report", "start.upload", "start.undo"),
}
# For the owner only; a curator's button is for curators. Others: 404.
OWNER = {
    *("owner.front", "owner.people", "owner.change_reader", "owner.run_now", "owner.invite", "owner.withdraw"),
    *("postroom.front", "postroom.hold", "postroom.lift"),
    *("measured.models", "measured.one", "measured.promote", "measured.back", "measured.end_trial"),
    *("moderation.front", "moderation.decide", "moderation.take_back", "discussion.remove", "discussion.restore", "paper.pick"),
}


@dataclass(frozen=True)
class Try:
    """One request for an object of one reader.

    Attributes
    ----------
    endpoint, method : str
    args, form, query : dict of str to str
        Names of things of the world stand in braces.
    """

    endpoint: str
    method: str
    args: dict[str, str]
    form: dict[str, str]


def get(endpoint: str, **args: str) -> Try:
    return Try(endpoint, "GET", args, {})


def post(endpoint: str, form: dict[str, str] | None = None, **args: str) -> Try:
    return Try(endpoint, "POST", args, form or {})


# How to ask for an object of Alice, for every route on which one can be named: Bob gets 404, and nothing of hers changes.
OWN = [
    get("status.why", item_id="{item}"),
    get("feedback.go", item_id="{item}", what="pdf"),
    post("feedback.record", {"kind": "upvote", "item": "{item}"}),
    post("feedback.record", {"kind": "upvote", "paper": PAPER, "interest": "{interest}"}),
    get("today.interest", slug="robots"),
    get("today.interest_day", slug="robots", day=str(DAY)),
    get("interests.likes_of", slug="robots"),
    post("interests.papers_of", {"do": "remove", "paper": PAPER}, slug="robots"),
    post("interests.papers_of", {"do": "copy", "paper": PAPER, "to": "{interest}"}, slug="general"),
    post("interests.undo", {"first": "1", "last": "9"}, slug="robots"),
    post("interests.rename", {"name": "Robots"}, slug="robots"),
    post("interests.place", {"to": "up"}, slug="robots"),
    post("interests.reopen", interest_id="{closed}"),
    get("learned.learned", slug="robots"),
    post("learned.remove", {"paper": PAPER}, slug="robots"),
    post("learned.start_over", slug="robots"),
    post("rules.restore", rule_id="{ended}"),
    post("rules.end", rule_id="{rule}"),
    get("start.start", interest="robots"),
    post("start.paste", {"papers": "2605.10084", "interest": "robots"}),
    post("start.pick", {"topics": "graphs", "interest": "robots"}),
    post("start.rate", {"answer": "up", "paper": PAPER, "interest": "robots"}),
    post("start.connect", {"account": "12345", "key": "a" * 24, "interest": "robots"}),
    post("start.disconnect", {"interest": "robots"}),
    post("keys.make_feed", {"interest": "{interest}"}),
    post("keys.revoke", key_id="{key}"),
    get("shelf.collection", slug="reading"),
    get("shelf.delete", slug="reading"),
    get("sharing.export_collection", slug="reading", form="bibtex"),
    post("shelf.collect", {"collection": "reading", "paper": PAPER, "action": "add"}),
    post("shelf.share", {"public": "1"}, slug="reading"),
    post("shelf.rename", {"name": "Reading"}, slug="reading"),
    post("submit.withdraw", {"wanted": "{wanted}"}),
    get("discussion.edit", number="{remark}"),
    post("discussion.edit", {"text": "Not what she said."}, number="{remark}"),
    post("discussion.delete", number="{remark}"),
    post("credentials.end_one", {"sign_in": "{sign_in}"}),
    post("interests.close", slug="robots"),
    post("shelf.delete", slug="reading"),
]


VALUES = {
    "day": str(DAY),
    "paper_id": PAPER,
    "item_id": "1",
    "what": "pdf",
    "token": "wrong",
    "filename": "site.css",
    "slug": "general",
    "interest_id": "1",
    "rule_id": "1",
    "key_id": "1",
    "number": "1",
    "reader_id": "1",
    "name": "ingest",
    "unit": "day",
    "text": str(DAY),
    "key": "graphs author 0",
    "form": "bibtex",
    "version": "none",
    "action": "leave",
}
CHOICES = {
    "feeds.feed": {"form": "atom"},
    "owner.change_reader": {"what": "curator"},
    "people.organization": {"key": "example lab"},
}


def paths(app: Flask, more: dict[str, str] | None = None) -> list[tuple[str, str, str]]:
    """Every route as (endpoint, method, path); a list, so that no request is made inside this one's context."""
    found = []
    with app.test_request_context():
        adapter = app.create_url_adapter(None) or app.url_map.bind("localhost")
        for rule in app.url_map.iter_rules():
            known = VALUES | CHOICES.get(rule.endpoint, {}) | (more or {})
            values = in_kind(rule, {name: known[name] for name in rule.arguments})
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                found.append((rule.endpoint, method, adapter.build(rule.endpoint, values, method)))
    return found


def in_kind(rule: Rule, values: dict[str, str]) -> dict[str, str | int]:
    """Return the values that an address is made of, numbers as numbers."""
    numbers = {name for name, kind in rule._converters.items() if isinstance(kind, IntegerConverter)}
    return {name: int(value) if name in numbers else value for name, value in values.items()}


class Outline(HTMLParser):
    """What a page is made of: tags, their attributes, the headings in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.labels = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.labels += tag == "label"
        self.tags.append((tag, dict(attrs) | ({"in label": ""} if self.labels else {})))

    def handle_endtag(self, tag: str) -> None:
        self.labels -= tag == "label"

    def all(self, *names: str) -> list[dict[str, str | None]]:
        return [attrs for tag, attrs in self.tags if tag in names]


def well_formed(text: str, path: str) -> None:
    page = Outline(text)
    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("h1")) == 1, path
    assert re.search(r"<title>\s*\S.* · Broadsheet</title>", text), path
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids)), (path, sorted(i or "" for i in ids if ids.count(i) > 1))
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1, path
    assert all(b - a <= 1 for a, b in pairwise(levels)), path
    for attrs in page.all("input", "select", "textarea"):
        named = attrs.get("type") == "hidden" or "in label" in attrs or attrs.get("aria-label") or attrs.get("aria-labelledby")
        assert named or f'for="{attrs.get("id")}"' in text, (path, attrs)
    for _, attrs in page.tags:
        for reference in ("aria-labelledby", "aria-describedby", "list"):
            assert set((attrs.get(reference) or "").split()) <= set(ids), (path, attrs)
