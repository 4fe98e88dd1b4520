import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.ids import abstract_url, arxiv_id, parse_arxiv_ids, pdf_url

CANONICAL = re.compile(r"arxiv:(?:[0-9]{4}\.[0-9]{4,5}|[a-z-]+/[0-9]{7})")


@pytest.mark.parametrize(
    "text",
    [
        "2601.01234", "2601.01234v2", "arXiv:2601.01234", "arxiv:2601.01234v12", "ARXIV:2601.01234V2", " 2601.01234\n",
        "(2601.01234)", "[2601.01234],",
        "https://arxiv.org/abs/2601.01234", "http://arxiv.org/abs/2601.01234v1",
        "https://www.arxiv.org/abs/2601.01234?context=cs.LG#x",
        "arxiv.org/abs/2601.01234", "https://arxiv.org/pdf/2601.01234", "https://arxiv.org/pdf/2601.01234v2.pdf",
        "<https://arxiv.org/html/2601.01234v1/>",
        "https://export.arxiv.org/abs/2601.01234", "https://ar5iv.labs.arxiv.org/html/2601.01234",
        "https://www.alphaxiv.org/abs/2601.01234v1",
        "https://huggingface.co/papers/2601.01234", "10.48550/arXiv.2601.01234", "https://doi.org/10.48550/arXiv.2601.01234",
        "doi:10.48550/ARXIV.2601.01234", "oai:arXiv.org:2601.01234v1", "2601.01234.pdf",
    ],
)  # fmt: skip
def test_every_form_of_a_new_id(text):
    assert arxiv_id(text) == "arxiv:2601.01234"


@pytest.mark.parametrize(
    "text",
    [
        "quant-ph/0201082", "quant-ph/0201082v1", "arXiv:quant-ph/0201082v1", "http://arxiv.org/abs/quant-ph/0201082v1",
        "https://arxiv.org/pdf/quant-ph/0201082.pdf", "10.48550/arXiv.quant-ph/0201082", "Quant-Ph/0201082",
        "oai:arXiv.org:quant-ph/0201082",
    ],
)  # fmt: skip
def test_every_form_of_an_old_id(text):
    assert arxiv_id(text) == "arxiv:quant-ph/0201082"


def test_the_subject_class_of_an_old_id_is_dropped():
    assert arxiv_id("https://arxiv.org/abs/math.GT/0309136v2") == "arxiv:math/0309136"


def test_four_digits_until_2014_five_from_2015():
    assert arxiv_id("0703.0001") is None
    assert arxiv_id("0804.00001") is None
    assert arxiv_id("0704.0001") == "arxiv:0704.0001"
    assert arxiv_id("1412.9999") == "arxiv:1412.9999"
    assert arxiv_id("1412.99999") is None
    assert arxiv_id("1501.0001") is None
    assert arxiv_id("1501.00001") == "arxiv:1501.00001"


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "2601", "2601.0123", "2601.012345", "2613.01234", "2600.01234", "0701.0001", "12601.01234",
        "x2601.01234", "2601.01234x", "2601.01234v",
        "abs/0201082", "https://arxiv.org/abs/0201082", "nonsense/0201082", "quant-ph/0213082",
        "10.1145/3292500.3330701", "10.1145/2601.01234",
        "https://evil.example/2601.01234", "https://arxiv.org.evil.example/abs/2601.01234", "hep_th/9901001",
        "２６０１.01234", "arXiv:", "sample:0042",
        "https://arxiv.org/list/cs.LG/new", "2601.01234 2601.01235", "2601.01234\n2601.01235",
    ],
)  # fmt: skip
def test_what_is_no_id(text):
    assert arxiv_id(text) is None


def test_a_pasted_list():
    text = """
    arXiv:2601.01234v2 [cs.LG], https://arxiv.org/abs/2601.00002;2601.01234
    * hep-th/9901001 and arXiv: 2601.00003
    10.1145/3292500.3330701 -
    """
    assert parse_arxiv_ids(text) == (
        ["arxiv:2601.01234", "arxiv:2601.00002", "arxiv:hep-th/9901001", "arxiv:2601.00003"],
        ["and", "10.1145/3292500.3330701", "-"],
    )
    assert parse_arxiv_ids("") == ([], [])


def test_a_canonical_id_is_understood_and_leads_back_to_itself():
    for paper_id in ("arxiv:2601.01234", "arxiv:math/0309136"):
        assert arxiv_id(paper_id) == arxiv_id(abstract_url(paper_id)) == arxiv_id(pdf_url(paper_id)) == paper_id


@given(
    st.text()
    | st.from_regex(r"(?:https?://)?(?:arxiv\.org/)?(?:abs/)?[a-z-]{0,9}/?[0-9]{4}\.?[0-9]{3,5}(?:v[0-9])?", fullmatch=True)
)
def test_anything_gives_a_canonical_id_or_none(text):
    found = arxiv_id(text)
    assert found is None or (CANONICAL.fullmatch(found) and arxiv_id(found) == found)
    ids, unrecognised = parse_arxiv_ids(text)
    assert all(CANONICAL.fullmatch(one) for one in ids)
    assert all(
        arxiv_id(piece) is None and piece in text.replace("arXiv: ", "arXiv:") for piece in unrecognised if "arXiv:" not in piece
    )


@given(st.from_regex(r"(?:1[5-9]|2[0-9])(?:0[1-9]|1[0-2])\.[0-9]{5}", fullmatch=True), st.integers(1, 30))
def test_every_id_survives_every_form(number, version):
    for form in (
        "{}",
        "{}v{}",
        "arXiv:{}v{}",
        "https://arxiv.org/abs/{}v{}",
        "https://arxiv.org/pdf/{}v{}.pdf",
        "10.48550/arXiv.{}",
    ):
        assert arxiv_id(form.format(number, version)) == f"arxiv:{number}"


@pytest.mark.parametrize(
    "text",
    [
        "a-" * 500_000,
        "http://" + "a." * 500_000,
        "arxiv.org/" + "a/" * 500_000,
        "arXiv:" * 100_000,
        "(" * 1_000_000,
        "1" * 1_000_000,
    ],
)
def test_long_rubbish_is_quickly_seen_through(text):
    started = time.perf_counter()
    assert parse_arxiv_ids(text)[0] == []
    assert time.perf_counter() - started < 1
