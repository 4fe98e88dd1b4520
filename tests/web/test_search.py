"""Words in the address, cards out: found by words or meaning, filtered, paged, refused kindly, kept as an interest."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from factories import DAY, NOW, fill, make_edition, make_paper

from recommender.settings import Settings
from recommender.store import interests, rules
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.types import LIBRARY, Rule
from web import search

HOSTILE = (
    '"', "'", "a AND", "NEAR(", "title:", "*", "^", "(", ")", "a OR OR b", "-", '""', "a b c NOT", "{a b}:c", "a\x00b", "\ud800", "%00",
    "'; DROP TABLE papers; --", "1' OR '1'='1", "col:*", "a* b*", "++", "\\", "\\x00", "$$", "a & | ! b", "<->", "'a':*", "\u202e",
    "x" * 5000, "\U0001f600", "SELECT(", "a\nb", "—", "🙂 -🙂",
)  # fmt: skip


def papers_of(text: str) -> list[str]:
    return re.findall(r'<article [^>]*data-paper="([^"]+)"', text)


def find(browser: Any, text: str = "", **more: Any) -> str:
    response = browser.get("/search?" + urlencode({"q": text, **more}, errors="surrogatepass"))
    assert response.status_code == 200, response.status
    page: str = response.get_data(as_text=True)
    return page


@pytest.fixture
def library(database: Database, settings: Settings) -> Database:
    """Today's edition, one paper with formulas and a foreign name, and one that a reader brought along."""
    odd = make_paper(
        900,
        title="Über $\\alpha$-divergences in GPT-4",
        abstract="We measure " + "many things, " * 60 + "and in the end a walrus <script>alert(1)</script> sings.",
        authors=("Jürgen O'Neil",),
        code_url="https://code.example.org/x",
        source="huggingface",
    )
    own = make_paper(901, id="own:1", title="A walrus of my own", source=LIBRARY)
    fill(database, settings, [*make_edition(DAY), odd, own])
    return database


def test_the_page_without_words_says_what_it_is_for(library: Database, signed_in: Any) -> None:
    page = find(signed_in)
    assert "Everything that Broadsheet has stored can be found here" in page
    assert papers_of(page) == []


def test_nobody_searches_without_an_account(library: Database, client: Any) -> None:
    assert client.get("/search?q=graph").status_code == 401


def test_words_find_papers_and_show_where_they_stand(library: Database, signed_in: Any) -> None:
    page = find(signed_in, "walrus")
    assert papers_of(page)[0] == "arxiv:2605.10900"  # the other walrus is somebody's own
    assert "own:1" not in page
    assert "a <mark>walrus</mark> &lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page


def test_a_formula_where_the_words_stand_is_whole_and_marked_up(database: Database, settings: Settings, signed_in: Any) -> None:
    text = "Words before. " * 20 + r"A walrus needs $O(n \log n)$ fish & no more. " + "Words after. " * 20
    fill(database, settings, [make_paper(902, title="Fish", abstract=text)])
    page = find(signed_in, "walrus log")
    assert r'A <mark>walrus</mark> needs <span class="math" data-tex="O(n \log n)">O(n log n)</span> fish &amp; no more' in page


@pytest.mark.parametrize("text", ["jurgen o'neil", "uber", "GPT-4", "alpha divergences", "walr"])
def test_names_accents_signs_and_beginnings(library: Database, signed_in: Any, text: str) -> None:
    assert papers_of(find(signed_in, text))[0] == "arxiv:2605.10900"


def test_meaning_alone_is_said_so(library: Database, signed_in: Any) -> None:
    page = find(signed_in, "graph node edge zebra")
    assert "None of these holds all of the words: they hold some of them, or are near in meaning." in page
    assert all(paper_id.startswith("arxiv:2605.1") for paper_id in papers_of(page)[:3])


def test_exact_words_are_exact(library: Database, signed_in: Any) -> None:
    assert "No stored paper holds all of these words just so." in find(signed_in, "graph zebra", exact=1)
    page = find(signed_in, '"zebra graph"')
    assert "Search for what they mean" in page
    assert re.search(r'href="/search\?q=zebra\+graph"', page)


def test_what_nothing_fits_says_what_to_do(library: Database, signed_in: Any) -> None:
    page = find(signed_in, "qwertzuiop")
    assert papers_of(page) == []
    assert "Try other or fewer words" in page
    assert "There is no word to look for in this" in find(signed_in, "?!")
    assert "Nothing that is stored fits these words and filters." in find(signed_in, "graph", source="nobody")


def test_filters_narrow(library: Database, signed_in: Any) -> None:
    words = "graph speech image walrus patient robot theorem"
    assert papers_of(find(signed_in, words, code=1)) == ["arxiv:2605.10900"]
    assert papers_of(find(signed_in, words, source="huggingface")) == ["arxiv:2605.10900"]
    assert all(paper_id.startswith("arxiv:2605.5") for paper_id in papers_of(find(signed_in, "image", category="cs.CV")))
    assert papers_of(find(signed_in, "graph", to="2020-01-01")) == []
    assert papers_of(find(signed_in, "graph", **{"from": "2026-05-01", "to": "2026-05-19"}))


@pytest.mark.parametrize("bad", ["tomorrow", "20260520", "2026-W20-1", "2026-13-01"])
def test_a_day_that_is_none_is_told(library: Database, signed_in: Any, bad: str) -> None:
    response = signed_in.get("/search?" + urlencode({"q": "graph", "from": bad}))
    page = response.get_data(as_text=True)
    assert response.status_code == 422
    assert 'role="alert">Write the day like 2026-05-20.' in page
    assert f'value="{bad}"' in page
    assert 'value="graph"' in page


def test_days_the_wrong_way_round_are_told(library: Database, signed_in: Any) -> None:
    response = signed_in.get("/search?" + urlencode({"q": "graph", "from": "2026-05-20", "to": "2026-05-19"}))
    assert response.status_code == 422
    assert "This day is before the other one." in response.get_data(as_text=True)


def test_more_is_shown_on_demand(library: Database, signed_in: Any) -> None:
    page = find(signed_in, "study")  # in every title
    more = re.search(r'href="([^"]+show=40[^"]*)#paper', page)
    assert more is not None
    assert len(papers_of(page)) == 20
    longer = papers_of(signed_in.get(more[1].replace("&amp;", "&")).get_data(as_text=True))
    assert longer[:20] == papers_of(page)
    assert 20 < len(longer) <= 40


def test_newest_first(database: Database, settings: Settings, signed_in: Any) -> None:
    fill(database, settings, [make_paper(n) for n in (3, 9, 1, 14)])  # published at n o'clock
    assert papers_of(find(signed_in, "graph", sort="date")) == [f"arxiv:2605.1{n:04d}" for n in (14, 9, 3, 1)]


def test_an_id_goes_to_the_paper(library: Database, signed_in: Any) -> None:
    for written in ("https://arxiv.org/abs/2605.10900v2", "arxiv:2605.10900", " 2605.10900 "):
        response = signed_in.get("/search?" + urlencode({"q": written}))
        assert response.status_code == 302
        assert response.headers["Location"] == "/paper/arxiv:2605.10900"
    page = find(signed_in, "2601.00001")
    assert 'href="https://arxiv.org/abs/2601.00001"' in page
    assert "That paper is not stored here." in page
    assert signed_in.get("/search?q=own:1").status_code == 200  # somebody's own paper is nobody's find


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words_never_break_it(library: Database, signed_in: Any, text: str) -> None:
    for more in ({}, {"exact": "1"}, {"category": text, "source": text}, {"from": text}, {"show": text}):
        response = signed_in.get("/search?" + urlencode({"q": text, **more}, errors="surrogatepass"))
        assert response.status_code in (200, 422), (text, more)


def test_a_vote_comes_back_to_the_search(library: Database, signed_in: Any) -> None:
    page = find(signed_in, "walrus", category="cs")
    back = re.search(r'name="next" value="([^"]+)"', page)
    assert back is not None
    response = signed_in.post("/events", {"paper": "arxiv:2605.10900", "kind": "upvote", "next": back[1].replace("&amp;", "&")})
    assert response.headers["Location"].startswith("/search?q=walrus&category=cs")
    assert "You upvoted this." in signed_in.follow(response)


def test_a_search_becomes_an_interest(library: Database, signed_in: Any, alice: Reader) -> None:
    find(signed_in, '"message passing" -molecule')
    response = signed_in.post("/search/interest", {"q": "graph node -speech", "category": "cs.LG", "name": "My graphs"})
    assert response.status_code == 303
    assert response.headers["Location"].startswith("/interest/my-graphs")
    with library.read() as session:
        (made,) = interests.listing(session, alice.id)
        said = [(rule.action, rule.field, rule.value, rule.interest) for rule in rules.active(session, alice.id)]
    assert (made.name, made.query, made.picks.categories) == ("My graphs", "graph node -speech", ("cs.LG",))
    assert 8 <= len(made.picks.papers) <= 20
    assert said == [("must", "words", "graph node", made.id), ("never", "phrase", "speech", made.id)]


def test_a_quoted_search_keeps_its_words_together(library: Database, signed_in: Any, alice: Reader) -> None:
    find(signed_in)
    assert signed_in.post("/search/interest", {"q": '"message passing"', "name": ""}).status_code == 303
    with library.read() as session:
        (rule,) = rules.active(session, alice.id)
        (made,) = interests.listing(session, alice.id)
    assert made.name == '"message passing"'
    assert rule == Rule("must", "phrase", "message passing", made.id, rule.id)


def test_an_interest_that_cannot_be_made_says_why(library: Database, signed_in: Any, alice: Reader) -> None:
    with library.write() as session:
        interests.create(session, alice.id, "Graphs", now=NOW)
    find(signed_in, "graph")
    response = signed_in.post("/search/interest", {"q": "graph", "name": "graphs"})
    page = response.get_data(as_text=True)
    assert response.status_code == 422
    assert "choose another name" in page
    assert 'name="name" value="graphs"' in page
    assert papers_of(page)
    with library.read() as session:
        assert rules.active(session, alice.id) == []
    assert signed_in.post("/search/interest", {"q": " - ", "name": "x"}).status_code == 303  # nothing to keep


def test_nobody_waits_while_an_interest_is_searched_for(
    library: Database, signed_in: Any, alice: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[bool] = []
    real = search.find.search

    def watched(session: Any, *args: Any, **kwargs: Any) -> Any:
        held.append(session.connection().get_execution_options().get("broadsheet_write", False))
        return real(session, *args, **kwargs)

    monkeypatch.setattr(search.find, "search", watched)
    assert signed_in.post("/search/interest", {"q": "graph", "name": "Graphs"}).status_code == 303
    assert held == [False]
    with library.read() as session:
        assert len(interests.listing(session, alice.id)[0].picks.papers) > 0


ANSWERS = """
import sys
from recommender.settings import load
from recommender.store import readers
from recommender.store.db import open_database
from web.app import create_app
from web.auth import SIGN_IN, LINK_LIVES, state

settings = load({{}}, home={home!r}, edition="real")
app = create_app(settings)
with app.app_context():
    database, now = state().database, state().clock()
with database.write() as session:
    reader = readers.create(session, "ada", now=now)
    secret = readers.open_session(session, reader.id, now=now, lives=LINK_LIVES, agent="")
browser = app.test_client()
with browser.session_transaction() as cookie:
    cookie[SIGN_IN] = secret
for path in ("/search?q=%22message+passing%22", "/search?q=how+do+graphs+learn"):
    answer = browser.get(path)
    assert answer.status_code == 200, answer.status
    assert "data-paper" in answer.get_data(as_text=True), path
print("torch" in sys.modules, "sentence_transformers" in sys.modules, "safetensors" in sys.modules)
"""


@pytest.mark.encoder
def test_a_web_worker_never_loads_torch(library: Database, settings: Settings) -> None:
    """Neither for words nor for what they mean, though the query is read by the packaged model."""
    import numpy as np
    from scipy.sparse import csr_array

    from recommender.query import MiniLM
    from recommender.store import papers, vectors

    read, name = MiniLM(), "all-MiniLM-L6-v2/53aa51172d14/192/float32"
    with library.write() as session:
        found = [paper for paper in papers.window(session, DAY, DAY) if paper.source == "arxiv"][:8]
        dense = np.stack([read(paper.title) for paper in found])
        digests = [papers.text_digest(paper.title, paper.abstract) for paper in found]
        empty = csr_array((len(found), 8), dtype=np.float32)
        vectors.save(session, name, [paper.id for paper in found], digests, dense, empty, now=NOW)
        vectors.use_encoder(session, name, now=NOW)
    script = ANSWERS.format(home=str(settings.home))
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "False False True\n", done.stderr
