"""A window compared with judged texts: the right products, the same to the last bit whoever asks for them, and not too many kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields

import numpy as np
import pytest
from factories import make_edition, make_paper
from scipy.sparse import csr_array
from strategies import seen_through, vectors_of

from recommender.rank import compared, terms
from recommender.rank.compared import Compared, Comparisons
from recommender.rank.lens import Lens
from recommender.types import FloatArray, PaperVectors

PAGE = vectors_of(make_edition(per_topic=8))
JUDGED = vectors_of([make_paper(n) for n in range(600, 670)])
LENS = seen_through(make_edition(per_topic=8), taste=True)


def comparisons(lens: Lens = LENS, page: PaperVectors = PAGE) -> Comparisons:
    sharp = lens.sharp(page.dense)
    taste = None if lens.taste is None else lens.taste(sharp)
    by_word = csr_array(terms.weigh(page.terms, lens.idf).T.tocsr())
    return Comparisons(lens, page.dense, sharp, taste, by_word)


def arrays(found: Compared) -> Iterator[tuple[str, FloatArray]]:
    for field in fields(found):
        yield field.name, getattr(found, field.name)


def same(one: Compared, other: Compared) -> bool:
    pairs = zip(arrays(one), arrays(other), strict=True)
    return all(np.array_equal(a, b) for (_, a), (_, b) in pairs)


def test_the_products_are_those_of_the_texts() -> None:
    found = comparisons().of([JUDGED.take(range(40)), JUDGED.take(range(40, 45))])  # more than a block, in two parts
    own = JUDGED.take(range(45))
    words, page_words = (terms.weigh(texts.terms, LENS.idf).toarray() for texts in (own, PAGE))
    assert LENS.taste is not None
    taste = LENS.taste(LENS.sharp(own.dense))
    expected = {
        "dense": own.dense @ PAGE.dense.T,
        "sharp": LENS.sharp(own.dense) @ LENS.sharp(PAGE.dense).T,
        "words": words @ page_words.T,
        "taste": taste @ LENS.taste(LENS.sharp(PAGE.dense)).T,
        "own_dense": own.dense,
        "own_sharp": LENS.sharp(own.dense),
        "own_taste": LENS.taste.whitening(taste),
        "common": words @ LENS.common,
        "word_gram": words @ words.T,
    }
    for name, values in arrays(found):
        assert values == pytest.approx(expected.pop(name), abs=1e-5), name
    assert not expected


def test_without_a_projection_there_is_no_taste() -> None:
    found = comparisons(seen_through(make_edition(per_topic=8))).of([JUDGED])
    assert (found.taste, found.own_taste) == (None, None)


@pytest.mark.parametrize("d", [32, 384])
def test_what_comes_out_for_a_text_does_not_depend_on_what_else_was_asked_for(d: int) -> None:
    """To the last bit: a page that is made again for one reader alone is the page that was made for twenty together."""
    rng = np.random.default_rng(1)
    page, judged = (
        PaperVectors(tuple(f"{name}:{n}" for n in range(count)), unit_rows(rng, count, d), texts(rng, count))
        for name, count in (("page", 478), ("judged", 90))
    )
    lens = seen_through(make_edition(per_topic=8)) if d == PAGE.dense.shape[1] else Lens(terms.flat_idf(), terms.flat_idf())
    together, asked = comparisons(lens, page).of([judged]), comparisons(lens, page)
    for some in ([5], [88, 3, 17], range(30, 60), range(89, -1, -1)):
        alone = asked.of([judged.take(some)])
        for name, values in arrays(together):
            found = getattr(alone, name)
            if values is not None and name != "word_gram":
                assert np.array_equal(found, values[list(some)]), name


def unit_rows(rng: np.random.Generator, count: int, d: int) -> FloatArray:
    rows = rng.standard_normal((count, d)).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def texts(rng: np.random.Generator, count: int) -> csr_array:
    indices = np.concatenate([np.sort(rng.choice(500, 40, replace=False)) for _ in range(count)])
    return csr_array(
        (rng.random(40 * count, dtype=np.float32), indices, np.arange(0, 40 * count + 1, 40)), shape=(count, terms.BUCKETS)
    )


def test_a_text_is_looked_at_once_and_not_too_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = list[str]()
    whole = Comparisons._looked_at
    monkeypatch.setattr(Comparisons, "_looked_at", lambda self, asked: looked.extend(asked.ids) or whole(self, asked))
    monkeypatch.setattr(compared, "MOST", 0)
    monkeypatch.setattr(compared, "LEAST", 30)
    asked = comparisons()
    first = asked.of([JUDGED.take(range(20))])
    assert looked == list(JUDGED.ids[:20])
    assert same(first, asked.of([JUDGED.take(range(20))]))
    assert len(looked) == 20, "what was looked at is kept"
    everything = asked.of([JUDGED])  # more than are kept
    assert len(looked) == len(JUDGED)
    assert same(everything, comparisons().of([JUDGED]))
    looked.clear()
    asked.of([JUDGED.take(range(40, 70))])
    assert looked == [], "the newest are kept"
    asked.of([JUDGED.take([0])])
    assert looked == [JUDGED.ids[0]], "the oldest are not"


def test_what_is_foreseen_is_what_would_have_come_out(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = comparisons()
    asked.of([JUDGED.take(range(10, 13))])
    assert asked.unknown(JUDGED.ids[8:16]) == [JUDGED.ids[at] for at in (8, 9, 13, 14, 15)]
    asked.foresee(JUDGED.take(range(40)))
    asked.foresee(JUDGED.take([]))  # of papers that no encoder has read there is nothing to foresee
    assert asked.unknown(JUDGED.ids) == list(JUDGED.ids[40:])
    expected = comparisons().of([JUDGED.take(range(40))])
    monkeypatch.setattr(Comparisons, "_looked_at", lambda *_: pytest.fail("it was foreseen"))
    assert same(asked.of([JUDGED.take(range(40))]), expected)


def test_no_more_is_foreseen_than_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compared, "MOST", 0)
    monkeypatch.setattr(compared, "LEAST", 30)
    assert comparisons().unknown(JUDGED.ids) == list(JUDGED.ids[:30])


def test_several_threads_may_ask_at_once() -> None:
    asked = comparisons()
    wanted: Sequence[range] = [range(start, start + 25) for start in range(0, 45, 5)] * 4
    alone = [comparisons().of([JUDGED.take(some)]) for some in wanted]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda some: asked.of([JUDGED.take(some)]), wanted))
    assert all(map(same, alone, together))


@pytest.mark.parametrize("most", [0, terms.MOST_DENSE], ids=["sparse", "filled out"])
def test_the_gram_of_words_is_the_same_either_way(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terms, "MOST_DENSE", most)
    rows = terms.weigh(JUDGED.terms, LENS.idf)
    parts = [slice(*rows.indptr[at : at + 2]) for at in range(len(JUDGED))]
    found = terms.gram([rows.indices[part] for part in parts], [rows.data[part] for part in parts])
    assert found == pytest.approx((rows @ rows.T).toarray(), abs=1e-6)
    assert found.dtype == np.float32
