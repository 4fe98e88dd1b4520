"""A rich world in, the addresses of every page there is out: a page that is not named here fails a test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import quote

from flask import Flask
from rich_world import RichWorld

__all__ = ["ADDRESSES", "NO_PAGES", "OTHERS", "addresses", "getters"]

# What each endpoint that answers GET with a page is looked at by; several addresses where a page has several faces.
ADDRESSES: Mapping[str, Callable[[RichWorld], list[str]]] = {
    "account.account": lambda _: ["/account"],
    "api.manual": lambda _: ["/api"],
    "auth.asked": lambda _: ["/signin/asked"],
    "auth.door": lambda _: ["/signin"],
    "auth.mailed": lambda w: ["/signin/mail/nothing", w.words["mailed"]],
    "auth.signin": lambda _: ["/signin/nothing"],
    "credentials.confirm": lambda w: ["/account/email/nothing", w.words["address"]],
    "credentials.email": lambda _: ["/account/email"],
    "credentials.password": lambda _: ["/account/password"],
    "digest.go": lambda w: ["/m/go/nothing", w.words["go"]],
    "digest.leave": lambda w: ["/m/leave/nothing", w.words["leave"], w.words["unsubscribed"]],
    "digest.read": lambda w: ["/m/read/nothing", w.words["read"]],
    "digest.vote": lambda w: ["/m/vote/nothing", w.words["vote"]],
    "discussion.answer": lambda w: [f"/comments/{w.numbers['comment']}/answer"],
    "discussion.edit": lambda w: [f"/comments/{w.numbers['own']}/edit"],
    "discussion.report": lambda w: [f"/comments/{w.numbers['comment']}/report"],
    "everyone.days": lambda _: ["/days", "/days?month=2026-04", "/days?month=1999-01"],
    "everyone.front": lambda _: ["/everyone", "/everyone?sort=newest", "/everyone?sort=picks", "/everyone?category=cs.RO"],
    "everyone.stretch": lambda w: [f"/everyone/day/{w.day}", "/everyone/week/2026-W21", "/everyone/month/2026-05"],
    "export.leave": lambda _: ["/account/delete"],
    "interests.likes_of": lambda w: [f"/interests/{w.words['interest']}", f"/interests/{w.words['empty']}", "/interests/general"],
    "interests.listing": lambda _: ["/interests"],
    "keys.listing": lambda w: ["/keys", f"/keys?interest={w.words['interest']}"],
    "learned.learned": lambda w: ["/learned", f"/learned/{w.words['interest']}"],
    "measured.back": lambda _: ["/owner/models/back"],
    "measured.models": lambda _: ["/owner/models"],
    "measured.one": lambda _: ["/owner/models/2026-05-17-b", "/owner/models/2026-05-19-c", "/owner/models/none"],
    "measured.promote": lambda _: ["/owner/models/2026-05-16-a/promote", "/owner/models/2026-05-19-c/promote"],
    "moderation.front": lambda _: ["/owner/moderation"],
    "owner.front": lambda _: ["/owner"],
    "owner.people": lambda _: ["/owner/readers"],
    "paper.one": lambda w: [f"/paper/{paper.id}" for paper in w.papers.values()],
    "people.author": lambda w: [f"/author/{quote(w.papers[name].authors[0].casefold())}" for name in ("plain", "arabic")],
    "people.organization": lambda _: ["/organization/institute%20of%20papers"],
    "postroom.front": lambda _: ["/owner/mail", "/owner/mail?status=failed", "/owner/mail?status=unknown&before=2"],
    "rules.listing": lambda _: ["/rules"],
    "search.search": lambda _: ["/search", "/search?q=robot+grasp", "/search?q=nothingatall&mode=exact", "/search?q=%22"],
    "sharing.shared": lambda w: [w.words["collection"]],
    "shelf.collection": lambda w: [f"/shelf/collection/{w.words['group']}"],
    "shelf.delete": lambda w: [f"/shelf/collection/{w.words['group']}/delete"],
    "shelf.shelf": lambda _: ["/shelf", "/shelf?q=layered"],
    "signup.asked": lambda _: ["/signup/asked"],
    "signup.finish": lambda w: ["/signup/nothing", w.words["welcome"]],
    "signup.join": lambda w: [f"/join/{w.words['invitation']}"],
    "signup.signup": lambda _: ["/signup"],
    "start.start": lambda w: ["/start", f"/start?interest={w.words['interest']}"],
    "status.keyboard": lambda _: ["/keyboard"],
    "status.status": lambda _: ["/status"],
    "status.why": lambda w: [f"/why/{w.numbers['item']}"],
    "submit.submit": lambda _: ["/submit"],
    "subscribe.asked": lambda _: ["/subscribe/asked"],
    "subscribe.confirm": lambda w: ["/subscribe/nothing", w.words["subscribe"]],
    "subscribe.form": lambda _: ["/subscribe"],
    "today.front": lambda _: ["/", "/?show=60", "/?category=cs.RO"],
    "today.interest": lambda w: [f"/interest/{w.words['interest']}", f"/interest/{w.words['empty']}"],
    "today.interest_day": lambda w: [f"/interest/{w.words['interest']}/day/{w.day}"],
    "today.one_day": lambda w: [f"/day/{w.day}", "/day/2026-05-16", "/day/2026-05-24"],
}

# Endpoints that answer GET with something that is not a page of ours.
NO_PAGES = frozenset(
    {
        "api.description",
        "api.list_papers",
        "api.list_similar",
        "api.list_trending",
        "api.me",
        "api.one_paper",
        "api.own_day",
        "api.own_interests",
        "api.search",
        "export.download",
        "feedback.go",
        "feeds.feed",
        "sharing.export",
        "sharing.export_collection",
        "sharing.export_paper",
        "sharing.export_shared",
        "static",
        "status.healthz",
        "status.readyz",
    }
)

# What looks different to somebody else: a reader who owns nothing here and has done nothing yet, and somebody without an account.
OTHERS: Mapping[str, Callable[[RichWorld], list[str]]] = {
    "reader": lambda w: [
        *("/", "/interests", "/rules", "/shelf", "/start", "/learned", "/account", "/owner"),
        *(f"/paper/{w.papers['maths'].id}", f"/interest/{w.words['interest']}"),
    ],
    "stranger": lambda w: [
        *("/", "/signin", "/signin/nothing", "/signin/asked", "/signup", "/signup/asked", "/api", "/nothing/here", "/status"),
        *(w.words[name] for name in ("mailed", "address", "collection", "read", "vote", "leave", "welcome", "subscribe")),
        *("/join/nothing", f"/join/{w.words['invitation']}", "/subscribe"),
    ],
}


def addresses(world: RichWorld) -> list[tuple[str, str]]:
    """Return who looks at which page: the owner at every one there is and one there is not, others at what is different for them."""
    own = [*(address for found in ADDRESSES.values() for address in found(world)), "/nothing/here"]
    return [("owner", address) for address in own] + [
        (kind, address) for kind, found in OTHERS.items() for address in found(world)
    ]


def getters(app: Flask) -> set[str]:
    """Return the endpoints that answer GET."""
    return {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}
