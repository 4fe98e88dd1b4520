"""Plain text becomes paragraphs and links that lead to the web and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from factories import NOW
from hypothesis import given
from hypothesis import strategies as st

from recommender.store.comments import Comment
from recommender.store.readers import Reader
from web.remarks import LONGEST_LABEL, Bit, paragraphs, remarks

ALICE = Reader(1, "alice", None, False, False, "UTC", False, 7, None, NOW, None)


def links(text: str) -> list[str]:
    return [bit.url for block in paragraphs(text) for line in block for bit in line if bit.url]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("See https://example.org.", ["https://example.org"]),
        ("(https://example.org/a)", ["https://example.org/a"]),
        ("https://en.wikipedia.org/wiki/A_(b)", ["https://en.wikipedia.org/wiki/A_(b)"]),
        ("https://example.org/?q=[1]!", ["https://example.org/?q=[1]"]),
        ("HTTPS://Example.org/X, http://b.example", ["HTTPS://Example.org/X", "http://b.example"]),
        ("“https://example.org”", ["https://example.org"]),
        ('<a href="https://example.org/"onclick=x>', ["https://example.org/"]),
        ("javascript:alert(1) data:text/html,x ftp://x.org file:///etc/passwd //evil.example", []),
        ("https:// http://) https://[::1 https://[", []),
        ("ahttps://example.org", ["https://example.org"]),
    ],
)
def test_addresses_of_the_web_are_found(text: str, found: list[str]) -> None:
    assert links(text) == found


def test_paragraphs_and_lines() -> None:
    assert paragraphs("one\ntwo\n\n\n\nthree") == [[[Bit("one")], [Bit("two")]], [[Bit("three")]]]


def test_a_long_address_is_shown_short_and_leads_on_whole() -> None:
    address = "https://example.org/" + "x" * 500
    ((line,),) = paragraphs(f"a {address} b")
    assert (line[1].url, len(line[1].text), line[1].text[-1]) == (address, LONGEST_LABEL, "…")
    assert (line[0].text, line[2].text) == ("a ", " b")


@given(st.text(alphabet=st.sampled_from("ab .,:/()[]?#&\n<>\"'htps"), max_size=80).map(lambda x: x.replace("p", "https://")))
def test_no_letter_is_lost(text: str) -> None:
    blocks = paragraphs(text)
    shown = "\n\n".join("\n".join("".join(bit.url or bit.text for bit in line) for line in block) for block in blocks)
    assert shown.replace("\n", "") == text.replace("\n", "")
    assert all(link.startswith("https://") for link in links(text))


def test_a_hostile_line_is_read_in_a_moment() -> None:
    assert len(links("https://a.b/" + ")" * 3900)) == 1
    assert len(links("https://a.b/c " * 280)) == 280


def test_words_taken_away_are_given_to_the_owner_alone() -> None:
    gone = Comment(1, "x:1", 2, "bob", None, "Rude", NOW, None, NOW, "owner")
    for reader, words in ((ALICE, []), (replace(ALICE, is_owner=True), paragraphs("Rude"))):
        (remark,) = remarks([gone], reader, now=NOW, window=timedelta(minutes=15))
        assert (remark.paragraphs, remark.own, remark.changeable) == (words, False, False)
    own = replace(gone, reader_id=ALICE.id)
    (remark,) = remarks([own], ALICE, now=NOW, window=timedelta(minutes=15))
    assert (remark.own, remark.changeable) == (False, False)
