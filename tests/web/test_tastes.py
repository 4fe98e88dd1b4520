"""The tastes of a reader as pages and forms name them: the general one first, and never another reader's."""

from __future__ import annotations

import pytest
from factories import NOW
from flask import Flask
from werkzeug.exceptions import NotFound

from recommender.store import interests
from recommender.store.db import Database
from recommender.store.readers import Reader
from web.tastes import Taste, by_number, by_slug, tastes


def test_the_general_taste_leads_and_others_stay_their_readers_own(
    app: Flask, database: Database, alice: Reader, bob: Reader
) -> None:
    with database.write() as session:
        proofs, robots = (interests.create(session, alice.id, name, now=NOW) for name in ("Proofs", "Robots"))
        interests.move(session, alice.id, robots.id, up=True)
        interests.create(session, bob.id, "Health", now=NOW)
    with app.test_request_context(), database.read() as session:
        own = tastes(session, alice)
        assert own == [Taste(0, "general", "General"), Taste(robots.id, "robots", "Robots"), Taste(proofs.id, "proofs", "Proofs")]
        assert [by_slug(session, alice, taste.slug) for taste in own] == own
        assert [by_number(session, alice, str(taste.id)) for taste in own] == own
        assert by_number(session, bob, str(robots.id)) is None
        assert [by_number(session, alice, odd) for odd in ("", "-1", "0x0", "99")] == [None] * 4
        with pytest.raises(NotFound):
            by_slug(session, bob, "robots")
