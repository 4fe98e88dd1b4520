"""Papers that readers brought along, in the store: found by their titles, in no edition, gone when nobody speaks of them."""

from __future__ import annotations

from datetime import date, timedelta

from factories import DAY, NOW, fill, make_paper

from recommender.library import title_key
from recommender.settings import Settings
from recommender.store import events, papers, vectors
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.types import LIBRARY, Channel, EventKind

EARLIER = DAY - timedelta(days=3)
OWN = make_paper(1, id="own:1", source=LIBRARY, title="On the care of lighthouses at sea", categories=())
TWIN = make_paper(2, id="own:2", source=LIBRARY, title="Harbours and what they are good for", day=EARLIER)
NEWS = make_paper(3, title="HARBOURS, and what they are good for?")
CROSS, AGAIN = make_paper(4, topic="robots", announce="cross", day=EARLIER), make_paper(5, announce="replace")


def store(database: Database) -> None:
    with database.write() as session:
        papers.upsert(session, [OWN, TWIN, NEWS, CROSS, AGAIN], now=NOW)


def test_titles_are_found_however_they_are_written(database: Database) -> None:
    store(database)
    keys = {title_key(paper.title) for paper in (OWN, TWIN, CROSS)} | {"nosuchpaperanywhere"}
    with database.read() as session:
        found = papers.by_title(session, keys, key=title_key)
        assert papers.by_title(session, set(), key=title_key) == {}
    announced = {title_key(NEWS.title): NEWS.id} | ({title_key(CROSS.title): CROSS.id} if title_key(CROSS.title) else {})
    assert found == announced, "what a reader brought is nobody else's"


def test_what_was_brought_is_in_no_edition(database: Database) -> None:
    store(database)
    with database.read() as session:
        assert papers.announced(session, EARLIER, DAY) == [(NEWS.id, DAY, NEWS.categories), (CROSS.id, EARLIER, CROSS.categories)]
        assert [paper.id for paper in papers.window(session, date(1990, 1, 1), EARLIER)] == [CROSS.id]
        assert [(edition.day, edition.papers) for edition in papers.editions(session, limit=9)] == [(DAY, 2), (EARLIER, 1)]
        assert papers.latest_edition(session, encoder=None) == DAY
        assert papers.categories(session, newest=10) == {"cs.LG": 2, "cs.SI": 2, "cs.RO": 1}
        assert papers.categories(session, newest=1).total() == 2


def test_it_goes_when_nobody_speaks_of_it(database: Database, settings: Settings, alice: Reader) -> None:
    store(database)
    fill(database, settings, [])
    with database.write() as session:
        first, last = events.append_all(session, alice.id, ["own:1", NEWS.id], EventKind.UPVOTE, at=NOW, channel=Channel.LIBRARY)
        assert [(event.id, event.paper_id) for event in events.history(session, alice.id)] == [(first, "own:1"), (last, NEWS.id)]
        assert events.append_all(session, alice.id, [], EventKind.UPVOTE, at=NOW, channel=Channel.LIBRARY) == (0, 0)
        assert papers.drop_unclaimed(session) == 1
        assert papers.drop_unclaimed(session) == 0
    with database.read() as session:
        assert set(papers.get(session, ["own:1", "own:2", NEWS.id, CROSS.id])) == {"own:1", NEWS.id, CROSS.id}
        assert vectors.count(session, vectors.current_encoder(session) or "") == 4
