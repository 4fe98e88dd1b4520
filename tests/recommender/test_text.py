import re
import time
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from recommender.text import clean, is_withdrawn, names, scrub, split_names, web_address

# Text made of the pieces that matter, so that they meet one another.
_CHARACTERS = "\\'\"~^`=.{}$()[]&%_ \neci\u0301\u202e\x00\u00ad\ud800\u0958"
_RUNS = (
    "amp;",
    "lt;",
    "#38;",
    "#92;",
    "#x202e;",
    "\\'e",
    "\\c c",
    "{\\o}",
    "\\ss",
    "\\emph{",
    "\\textbf{x}",
    "\\href{a}{b}",
    "{\\bf ",
    "\\-",
)
PIECES = st.sampled_from([*_CHARACTERS, *_RUNS])
TEXT = st.text() | st.lists(PIECES, max_size=30).map("".join)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (r"Andr\'e, Fran\c cois, Fran\c{c}ois", "André, François, François"),
        (r"Schr\"odinger, Erd\H{o}s, P\v{r}\'{\i}klad, \'\i n", "Schrödinger, Erdős, Příklad, ín"),
        (r"{\'e} {\v S} {\v{c}} {\'{e}} \'{ e }", "é Š č é é"),
        (r"Nguy\~{\^e}n, Do\~nana, F\`ux\`i, g\u{g}, \k{a}, \r{a}, \d{a}, \b{b}", "Nguyễn, Doñana, Fùxì, gğ, ą, å, ạ, ḇ"),
        (r"{\o} \O{} S\o ren \ss{} Stra\ss e {\AA}s \L\'od\'z \ae on", "ø Ø Søren ß Straße Ås Łódź æon"),
        (r"360{\deg} and 5\deg C", "360° and 5°C"),
        (r"20.43\% of Q\&A, part\_A, \#1, an\ space", "20.43% of Q&A, part_A, #1, an space"),
        (
            r"\textbf{Fed}erated, \emph{\textit{deep}}, {\em old}, {\bf older}, \url{https://a.b/c}",
            "Federated, deep, old, older, https://a.b/c",
        ),
        (r"code \href{https://a.b/c}{here}, \href{https://a.b/c}{https://a.b/c}", "code here (https://a.b/c), https://a.b/c"),
        (r"under-investi\-gated", "under-investigated"),
        ("AT&amp;T, &lt;b&gt;, &amp;lt;, &eacute;, &#233;, &#xe9;", "AT&T, <b>, <, é, é, é"),
        ("AT&T, R&D, &copying, a & b; &#0;", "AT&T, R&D, &copying, a & b; \ufffd"),
        ("two\n  lines\tand\u00a0more\u2028x", "two lines and more x"),
        ("e\u0301", "é"),
        ("a\u202eb\u2066c\u200bd\ufefe\x00f\x7fg\u00adh\ud800i", "abcd\ufefefghi"),
        (
            "\U0001f468\u200d\U0001f4bb \u0645\u06cc\u200c\u0634\u0648\u062f",
            "\U0001f468\u200d\U0001f4bb \u0645\u06cc\u200c\u0634\u0648\u062f",
        ),
        (r"\method and \ours{} at \cite{x} stay", r"\method and \ours{} at \cite{x} stay"),
        (r"from \$148K to \$5", r"from \$148K to \$5"),
        ("&dollar;x&#92;y", "&dollar;x&#92;y"),  # decoded, these would open mathematics or a command
    ],
)
def test_clean(raw, shown):
    assert clean(raw) == shown
    assert clean(shown) == shown


@pytest.mark.parametrize(
    "math",
    [r"$a<b$", r"$\'e \% \emph{x} &lt;$", r"$$\frac{a}{b} \o$$", r"\(\mathcal{J}\&\mathcal{F}\)", r"\[ \textbf{x} &amp; y \]"],
)
def test_mathematics_is_left_as_it_came(math):
    assert clean(rf"Andr\'e {math} 50\%") == f"André {math} 50%"
    assert clean(rf"\textbf{{about {math}}}") == f"about {math}" or "\\(" in math or "\\[" in math


def test_mathematics_keeps_its_place_among_decoded_text():
    assert clean(r"\'e$1$\'a$2$\href{u}{$3$}$4$") == "é$1$á$2$$3$ (u)$4$"


def test_scrub_cuts_with_an_ellipsis_and_only_when_it_must():
    assert scrub("abcdef", 6) == "abcdef"
    assert scrub("abcdefg", 6) == "abcde…"
    assert scrub("abcd  efg", 6) == "abcd…"


@given(TEXT, st.integers(1, 50))
@example("$ab\\'e$", 5)  # the cut goes through mathematics
@example("\\.q\u0323", 50)  # decoding leaves marks out of order
@example("\\\\emph{(}x\\)", 50)  # decoding opens mathematics
@example("&amp;" * 40 + "lt;", 600)
def test_clean_is_idempotent_bounded_and_safe(raw, limit):
    shown = clean(raw, limit)
    assert clean(shown, limit) == shown
    assert scrub(shown, limit) == shown
    assert len(shown) <= limit
    assert shown == unicodedata.normalize("NFC", shown).strip()
    assert not re.search(r"[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]|\s\s", shown)
    shown.encode("utf-8")


@given(
    st.text(alphabet="abcxyz \\^_{}'&;<>%", min_size=1, max_size=30).filter(lambda t: not re.search(r"\s\s|\\$|\\\\", t)),
    TEXT.filter(lambda t: not re.search(r"[$\\]", t)),
)
def test_clean_keeps_mathematics(formula, around):
    assert f"${formula}$" in clean(f"{around} ${formula}$ {around}", 10_000)


@given(st.text(alphabet=st.characters(exclude_characters="\\&$", exclude_categories=("C", "Z", "M")), max_size=50))
def test_plain_text_is_only_composed(text):
    assert clean(text) == unicodedata.normalize("NFC", text)


def test_ten_megabytes_cost_nothing():
    nasty = [
        "x",
        "&amp;",
        "&#38;",
        "\\'{",
        "$\\",
        "\\(",
        "\\[",
        "\\emph{",
        "\\href{a",
        "a\u0301\u0316",
        "{\\bf ",
        "((",
        "()",
        "(x",
        "\n",
    ]
    started = time.perf_counter()
    for piece in nasty:
        assert len(clean(piece * (2_000_000 // len(piece)))) <= 20_000
        assert len(split_names(piece * (2_000_000 // len(piece)))) <= 500
    assert time.perf_counter() - started < 3


def test_text_that_does_not_settle_is_left_as_it_came():
    assert clean("\\emph{" * 5 + "x" + "}" * 5) == "x"
    endless = "\\emph{" * 50 + "x" + "}" * 50
    assert clean(endless) == endless


def test_split_names():
    assert split_names(r"Paulo Andr\'e Lima, A. B. C\u{g}") == ("Paulo André Lima", "A. B. Cğ")
    assert split_names("Martin King, Jr., Ada Lovelace, III") == ("Martin King Jr.", "Ada Lovelace III")
    assert split_names("A. One (MIT (Boston)), B. Two (ETH) and C. Anderson") == ("A. One", "B. Two", "C. Anderson")
    assert split_names("Jr., A") == ("Jr.", "A")
    assert split_names(" , ,") == ()


@given(TEXT)
def test_split_names_never_raises_and_gives_clean_names(text):
    found = split_names(text)
    assert len(found) <= 500
    assert names(found) == found


def test_names_are_capped_in_number_and_length():
    assert len(names(f"Author {n}" for n in range(5000))) == 500
    assert names(["", " \u200b", "x" * 300]) == ("x" * 199 + "…",)


@pytest.mark.parametrize(
    "comment",
    [
        "This paper has been withdrawn by the author", "This paper has been withdrawn by the author due to an error",
        "withdrawn", "Withdrawn by arXiv",
        "Paper withdrawn", "The submission is withdrawn.",
        "arXiv admin note: this version has been withdrawn by arXiv administrators",
        "This article was retracted", "12 pages. The paper is temporarily withdrawn",
        "This submission has been withdrawn by arXiv administrators",
    ],
)  # fmt: skip
def test_withdrawn(comment):
    assert is_withdrawn(comment, "We prove it.")
    assert is_withdrawn(None, comment)


@pytest.mark.parametrize(
    ("comment", "abstract"),
    [
        (None, ""), ("12 pages", "We study funds withdrawn from savings accounts."),
        ("Accepted; withdrawn from another venue", ""),
        ("This paper has been not withdrawn", ""), (None, "x" * 300 + " This paper has been withdrawn"),
        ("This paper is about withdrawal", "Patients who were withdrawn early."),
    ],
)  # fmt: skip
def test_not_withdrawn(comment, abstract):
    assert not is_withdrawn(comment, abstract)


@pytest.mark.parametrize("address", ["https://github.com/a/b", "http://x.org", "HTTPS://X.org/a?b=c&d#e", " https://x.org/ "])
def test_addresses_fit_for_a_link(address):
    assert web_address(address) == address.strip()


@pytest.mark.parametrize(
    "address",
    [
        None, 3, "", "javascript:alert(1)", "JaVaScRiPt:alert(1)//http://x", "data:text/html,x", "github.com/a",
        "//x.org", "http://", "http://[",
        "https://x.org/\u202egnp", 'https://x.org/"onclick=', "https://x.org/<script>", "https://x.org/a b",
        "java\nscript:x", "https://" + "x" * 600,
        "ftp://x.org", "https:///x",
    ],
)  # fmt: skip
def test_addresses_not_fit_for_a_link(address):
    assert web_address(address) is None
