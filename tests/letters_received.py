"""A served house in, the letters that arrived and the links its people hold out: as they stand in letters, digests, shared addresses."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from factories import NOW
from flask import Flask
from rich_world import RichWorld

from recommender.store import readers, shelf
from recommender.types import EventKind
from web import letters, sharing, signin, signup, subscribe
from web.auth import SIGN_IN, State
from web.mail import MemoryMailer

__all__ = ["arrived", "link_in", "received", "sign_in_link"]

LIVES = timedelta(days=1)


def received(app: Flask, world: RichWorld) -> dict[str, str]:
    """Return the paths of the links that people hold, by what they are for."""
    state: State = app.extensions["broadsheet"]
    ada = world.friends[0]
    with state.database.write() as session:
        shared = shelf.by_id(session, world.numbers["shared"])
        address = readers.issue_token(session, ada.id, letters.NEW_ADDRESS, now=NOW, lives=LIVES, payload="ada@new.example")
        mailed = readers.issue_token(session, ada.id, signin.MAILED, now=NOW, lives=LIVES, payload="/")
    assert shared is not None
    with app.test_request_context():
        collection = sharing.address(shared)
    paper = {"r": world.owner.id, "i": world.numbers["item"]}
    vote = {**paper, "k": EventKind.UPVOTE.value}
    return {
        "address": f"/account/email/{address}",
        "mailed": f"/signin/mail/{mailed}",
        "collection": "/collection/" + collection.partition("/collection/")[2],
        "read": f"/m/read/{state.signer.sign('read', paper)}",
        "go": f"/m/go/{state.signer.sign('go', paper)}",
        "vote": f"/m/vote/{state.signer.sign('vote', vote)}",
        "leave": f"/m/leave/{state.signer.sign('leave', {'r': world.owner.id})}",
        "unsubscribed": f"/m/leave/{state.signer.sign('leave', {'s': 1})}",
        "subscribe": f"/subscribe/{state.signer.sign(subscribe.CONFIRM, ['nora@example.org', 7, 'UTC', 'day', 0, 'en'])}",
        "welcome": f"/signup/{state.signer.sign(signup.WELCOME, {'n': 'Nora', 'e': 'nora@example.org'})}",
    }


def sign_in_link(app: Flask, reader: readers.Reader) -> str:
    """Return a path that signs a reader in, once."""
    state: State = app.extensions["broadsheet"]
    with state.database.write() as session:
        return f"/signin/{readers.issue_token(session, reader.id, SIGN_IN, now=NOW, lives=LIVES)}"


def arrived(app: Flask, mailer: MemoryMailer) -> list[Any]:
    """Return the letters that came, those that leave after the answer among them."""
    with app.app_context():
        letters.wait()
    return mailer.sent


def link_in(message: Any) -> str:
    """Return the path of the link in a letter."""
    found = re.search(r"http://127\.0\.0\.1:8020(/\S+)", message.get_content())
    assert found is not None
    return found[1]
