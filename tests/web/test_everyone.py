"""Everyone's lists and the calendar as a reader uses them: orders, days, weeks, months, filters, reading on, empty ones."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from factories import DAY, NOW, fill, make_edition, make_paper, make_reader

from recommender.settings import Settings
from recommender.store import curators, events, pages
from recommender.store.db import Database
from recommender.store.lists import Place
from recommender.store.readers import Reader
from recommender.store.tables import ReaderRow
from recommender.types import EventKind, Signals
from web.listing import place_words

CARDS = 20
ALL = [paper.id for paper in make_edition()]


def papers_of(text: str) -> list[str]:
    return re.findall(r'<article [^>]*data-paper="([^"]+)"', text)


def link(text: str, words: str) -> str:
    """The address of the link that is called so."""
    found = re.search(rf'<a [^>]*?href="([^"]*)"[^>]*>(?:<span[^>]*>[^<]*</span>)?\s*{re.escape(words)}', text)
    assert found, words
    return html.unescape(found[1])


def vote(database: Database, name: str, *paper_ids: str) -> None:
    reader = make_reader(database, name)
    with database.write() as session:
        for paper_id in paper_ids:
            events.append(session, reader.id, paper_id, EventKind.UPVOTE, at=NOW - timedelta(hours=1))


def test_the_newest_days_are_ordered_by_votes(edition: Database, signed_in: Any) -> None:
    vote(edition, "bob", ALL[40], ALL[41])
    for name in ("carol", "dave", "erin", "frank"):
        vote(edition, name, ALL[40])
    response = signed_in.get("/everyone")
    text = response.get_data(as_text=True)
    assert papers_of(text)[0] == ALL[40]
    assert len(papers_of(text)) == CARDS
    assert "48 papers, ordered by upvotes here and at the source" in text
    assert "no-store" not in response.headers["Cache-Control"]


def test_a_list_is_read_to_its_end(edition: Database, signed_in: Any) -> None:
    found: list[str] = []
    address = "/everyone?sort=newest&category=cs.LG"
    while True:
        text = signed_in.get(address).get_data(as_text=True)
        found += papers_of(text)
        if "Show the next papers" not in text:
            break
        address = link(text, "Show the next papers")
        assert "category=cs.LG" in address
    assert len(found) == len(set(found)) == 16  # graphs and health
    assert "That is the end of the list." in text
    signed_in.get("/everyone?sort=newest")
    further = link(signed_in.last, "Show the next papers")
    assert "Back to the beginning of the list" in signed_in.get(further).get_data(as_text=True)


def test_a_vote_from_the_list_comes_back_to_it_and_shows(edition: Database, signed_in: Any, alice: Reader) -> None:
    address = "/everyone?sort=newest"
    first = papers_of(signed_in.get(address).get_data(as_text=True))[0]
    assert 'name="next" value="/everyone?sort=newest"' in signed_in.last
    response = signed_in.post("/events", {"paper": first, "kind": "upvote", "next": address})
    assert response.headers["Location"].startswith(address)
    assert "You upvoted this." in signed_in.follow(response)


def test_nothing_is_noted_as_shown(edition: Database, signed_in: Any) -> None:
    """Everyone's list is nobody's ranking: who looks at it was shown nothing of their own page."""
    signed_in.get("/everyone")
    with edition.read() as session:
        assert list(pages.shown(session)) == []


@pytest.mark.parametrize(
    ("address", "heading"),
    [
        (f"/everyone/day/{DAY}", "Wednesday, 20 May 2026"),
        ("/everyone/week/2026-W21", "Week 21, 18 May to 24 May 2026"),
        ("/everyone/month/2026-05", "May 2026"),
    ],
)
def test_days_weeks_and_months(edition: Database, signed_in: Any, address: str, heading: str) -> None:
    text = signed_in.get(address).get_data(as_text=True)
    assert heading in text
    assert "48 papers" in text
    assert set(papers_of(text)) <= set(ALL)


@pytest.mark.parametrize(
    ("unit", "days", "name"),
    [("day", 4, "2026-05-16"), ("week", 14, "2026-W19"), ("month", 60, "2026-03")],
)
def test_neighbours_are_those_that_have_papers(
    edition: Database, settings: Settings, signed_in: Any, unit: str, days: int, name: str
) -> None:
    fill(edition, settings, [make_paper(1, day=DAY - timedelta(days=days))])
    here = {"day": str(DAY), "week": "2026-W21", "month": "2026-05"}[unit]
    text = signed_in.get(f"/everyone/{unit}/{here}?sort=newest").get_data(as_text=True)
    assert f'rel="prev" href="/everyone/{unit}/{name}?sort=newest"' in text
    assert 'rel="next"' not in text.partition("Show the next papers")[0].rpartition("<article")[0]
    text = signed_in.get(f"/everyone/{unit}/{name}").get_data(as_text=True)
    assert f'rel="next" href="/everyone/{unit}/{here}"' in text
    assert len(papers_of(text)) == 1


@pytest.mark.parametrize("address", ["/everyone/day/2020-01-01", "/everyone/week/2020-W01", "/everyone/month/2020-01"])
def test_an_empty_stretch_is_no_error(edition: Database, signed_in: Any, address: str) -> None:
    response = signed_in.get(address)
    assert response.status_code == 200
    assert "Nothing was announced in these days" in response.get_data(as_text=True)


def test_days_to_come_are_said_to_be(edition: Database, signed_in: Any) -> None:
    assert "have not come yet" in signed_in.get("/everyone/month/2031-01").get_data(as_text=True)


@pytest.mark.parametrize(
    ("address", "advice"),
    [
        ("/everyone/day/2026-5-20", "Write it like 2026-05-20"),
        ("/everyone/week/2025-W53", "Write it like 2026-W21"),
        ("/everyone/week/2026-05", "Write it like 2026-W21"),
        ("/everyone/month/%3Cscript%3E", "“&lt;script&gt;” is not a month"),
        ("/days?month=2026-13", "Write it like 2026-05"),
    ],
)
def test_a_stretch_that_is_none_is_a_page_that_says_so(edition: Database, signed_in: Any, address: str, advice: str) -> None:
    response = signed_in.get(address)
    assert response.status_code == 404
    assert advice in response.get_data(as_text=True)
    assert signed_in.get("/everyone/year/2026").status_code == 404


def test_filters_stay_while_the_order_and_the_days_change(edition: Database, signed_in: Any) -> None:
    text = signed_in.get("/everyone?sort=newest&category=cs.RO&source=arxiv&kind=new").get_data(as_text=True)
    assert len(papers_of(text)) == 8
    assert "<option selected>cs.RO</option>" in text
    assert link(text, "Trending") == "/everyone?category=cs.RO&source=arxiv&kind=new"
    assert link(text, "Week") == "/everyone/week/2026-W21?sort=newest&category=cs.RO&source=arxiv&kind=new"
    assert link(text, "Show everything") == "/everyone?sort=newest"
    assert '<input type="hidden" name="sort" value="newest">' in text


def test_a_filter_that_nothing_answers_says_so(edition: Database, signed_in: Any) -> None:
    text = signed_in.get("/everyone?category=no.SUCH&kind=replace").get_data(as_text=True)
    assert "No paper of these days answers the filter." in text
    assert "<option selected>no.SUCH</option>" in text


@pytest.mark.parametrize(
    "query",
    [
        "sort=1;DROP TABLE papers",
        "sort=%00&category=%00&source=%00",
        "category=%25&source=_",
        "kind=everything",
        "after=nonsense",
        "after=" + "A" * 5000,
        "category=" + "%F0%9F%A6%89" * 900,
        "category=%27%20OR%201=1--",
    ],
)
def test_what_an_address_names_wrongly_breaks_nothing(edition: Database, signed_in: Any, query: str) -> None:
    for path in ("/everyone", f"/everyone/day/{DAY}"):
        assert signed_in.get(f"{path}?{query}").status_code == 200


def test_a_place_from_elsewhere_breaks_nothing(edition: Database, signed_in: Any) -> None:
    """A place may come from another list, and from any time."""
    for as_of in (NOW.replace(year=1970), NOW.replace(year=2999)):
        for edition_day in (date.min, date.max):
            words = place_words(Place(as_of, (0.5, edition_day, NOW, "arxiv:1")))
            for path in ("/everyone", f"/everyone/day/{DAY}", "/everyone?sort=picks", "/everyone?sort=newest"):
                response = signed_in.get(f"{path}{'&' if '?' in path else '?'}after={words}")
                assert response.status_code == 200


def test_a_category_that_turns_the_line_is_not_offered(database: Database, settings: Settings, signed_in: Any) -> None:
    odd = "cs.\u202eGL"
    fill(database, settings, [make_paper(1, categories=("cs.LG", odd, "x" * 500)), make_paper(2)])
    for path in ("/everyone", "/everyone?category=" + odd):
        text = signed_in.get(path).get_data(as_text=True)
        assert "<option>cs.SI</option>" in text
        assert "\u202e" not in text
        assert "x" * 41 not in text


def test_curators_picks(edition: Database, signed_in: Any) -> None:
    text = signed_in.get("/everyone?sort=picks").get_data(as_text=True)
    assert "No curator has picked a paper of these days." in text
    carol = make_reader(edition, "carol")
    with edition.write() as session:
        session.get_one(ReaderRow, carol.id).is_curator = True
        curators.pick(session, ALL[7], carol.id, now=NOW)
    text = signed_in.get("/everyone?sort=picks").get_data(as_text=True)
    assert papers_of(text) == [ALL[7]]
    assert "1 paper that curators here recommend" in text


def test_a_store_without_papers_says_where_they_come_from(database: Database, signed_in: Any) -> None:
    assert "Nothing was announced in these days" in signed_in.get("/everyone").get_data(as_text=True)
    assert "There are no editions yet." in signed_in.get("/days").get_data(as_text=True)


def test_old_papers_are_the_newest_where_nothing_newer_is(edition: Database, signed_in: Any, clock: Any) -> None:
    clock.now = NOW + timedelta(days=50)
    assert len(papers_of(signed_in.get("/everyone").get_data(as_text=True))) == CARDS


def squares(text: str) -> dict[str, str]:
    """Where the days of the calendar lead to, by what a screen reader says of them."""
    return {words: address for address, words in re.findall(r'<td[^>]*><a href="([^"]+)" aria-label="([^"]+)"', text)}


def test_the_calendar_leads_to_days_weeks_and_months(edition: Database, settings: Settings, signed_in: Any) -> None:
    fill(edition, settings, make_edition(DAY - timedelta(days=1), per_topic=1))
    fill(edition, settings, [make_paper(1, day=date(2026, 3, 2)), make_paper(2, day=date(2026, 4, 30))])
    text = signed_in.get("/days").get_data(as_text=True)
    assert squares(text) == {
        "30 April 2026: 1 paper": "/day/2026-04-30",
        "19 May 2026: 6 papers": "/day/2026-05-19",
        "20 May 2026: 48 papers": "/day/2026-05-20",
    }
    assert "54 papers." in text  # those of April are not May's
    assert text.count('aria-current="date"') == 1
    assert 'href="/everyone/week/2026-W21" aria-label="Week 21, 18 May to 24 May 2026"' in text
    assert 'href="/everyone/month/2026-05"' in text
    assert 'rel="prev" href="/days?month=2026-04"' in text
    assert 'rel="next"' not in text
    april = signed_in.get("/days?month=2026-04").get_data(as_text=True)
    assert 'rel="prev" href="/days?month=2026-03"' in april
    assert 'rel="next" href="/days?month=2026-05"' in april


def test_a_month_without_papers_is_plain(edition: Database, signed_in: Any) -> None:
    text = signed_in.get("/days?month=2025-02").get_data(as_text=True)
    assert "This month has no papers here." in text
    assert squares(text) == {}
    assert text.count("<td") == 35
    for month in ("1000-01", "2999-12"):
        assert signed_in.get(f"/days?month={month}").status_code == 200


@pytest.mark.parametrize("address", ["/everyone", f"/everyone/day/{DAY}", "/days"])
def test_only_readers_see_them(edition: Database, client: Any, address: str) -> None:
    assert client.get(address).status_code == 401


def test_cards_show_votes_of_everybody(
    database: Database, settings: Settings, sign_in: Callable[[Reader], Any], alice: Reader
) -> None:
    fill(database, settings, [make_paper(1, signals=Signals(upvotes=3))])
    vote(database, "bob", make_paper(1).id)
    assert '<span class="count">4</span>' in sign_in(alice).get("/everyone").get_data(as_text=True)
