"""Whatever a reader pastes in, canonical arXiv ids out: `arxiv:2601.01234`, without version."""

from __future__ import annotations

import re

__all__ = ["abstract_url", "arxiv_id", "parse_arxiv_ids", "pdf_url"]

_ARCHIVES = (
    "acc-phys|adap-org|alg-geom|ao-sci|astro-ph|atom-ph|bayes-an|chao-dyn|chem-ph|cmp-lg|comp-gas|cond-mat|cs|dg-ga|funct-an|gr-qc|"
    "hep-ex|hep-lat|hep-ph|hep-th|math|math-ph|mtrl-th|nlin|nucl-ex|nucl-th|patt-sol|physics|plasm-ph|q-alg|q-bio|quant-ph|"
    "solv-int|supr-con"
)

# Since April 2007: year, month, and a number of four digits until 2014, of five from 2015. Before: archive, year, month, number.
_NEW = r"(?:07(?:0[4-9]|1[0-2])|(?:0[89]|1[0-4])(?:0[1-9]|1[0-2]))\.[0-9]{4}|(?:1[5-9]|[2-9][0-9])(?:0[1-9]|1[0-2])\.[0-9]{5}"
_OLD = rf"(?:{_ARCHIVES})(?:\.[a-z]{{2}})?/[0-9]{{2}}(?:0[1-9]|1[0-2])[0-9]{{3}}"
_HOST = r"(?:https?://)?(?:(?:[a-z0-9-]+\.)*(?:arxiv|alphaxiv)\.org|(?:www\.)?(?:huggingface|hf)\.co)/(?:[a-z-]+/)*(?:arxiv[.:])?"
_DOI = r"(?:(?:https?://)?(?:dx\.)?doi\.org/|doi:)?10\.48550/arxiv\."
_FORM = re.compile(
    rf"(?:{_HOST}|{_DOI}|(?:oai:)?arxiv(?:\.org)?:)?(?P<id>{_NEW}|{_OLD})(?:v[0-9]{{1,3}})?(?:\.pdf)?/?(?:[?#]\S*)?",
    re.IGNORECASE | re.ASCII,
)
_WRAPPING = "<>()[]{}\"'`.,;|*"
_CATEGORY = re.compile(r"\[[a-z-]+(?:\.[A-Za-z-]+)?\]")  # "arXiv:2601.01234v1 [cs.LG]", as the listing pages print it


def arxiv_id(text: str) -> str | None:
    """Return the canonical id that one piece of text stands for, or None.

    Parameters
    ----------
    text : str
        An id, with or without version or `arXiv:`, the address of an abstract, PDF or HTML page, or an arXiv DOI.

    Examples
    --------
    >>> arxiv_id("https://arxiv.org/pdf/2601.01234v2.pdf")
    'arxiv:2601.01234'
    >>> arxiv_id("10.48550/arXiv.2601.01234")
    'arxiv:2601.01234'
    >>> arxiv_id("math.GT/0309136v1")
    'arxiv:math/0309136'
    >>> arxiv_id("10.1145/3292500.3330701") is None
    True
    """
    found = _FORM.fullmatch(text.strip().strip(_WRAPPING))
    if found is None:
        return None
    archive, slash, number = found["id"].lower().rpartition("/")
    # The subject class of an old id (math.GT/...) was only ever decoration.
    return f"arxiv:{archive.partition('.')[0]}{slash}{number}"


def parse_arxiv_ids(text: str) -> tuple[list[str], list[str]]:
    """Split a pasted list into canonical ids and the pieces that are none.

    Parameters
    ----------
    text : str
        Ids or addresses separated by spaces, commas, semicolons or new lines.

    Returns
    -------
    ids : list of str
        In order of appearance, each once.
    unrecognised : list of str
        What was not understood, to be shown to whoever pasted it.

    Examples
    --------
    >>> parse_arxiv_ids("arXiv: 2601.01234v2 [cs.LG], hep-th/9901001; nonsense")
    (['arxiv:2601.01234', 'arxiv:hep-th/9901001'], ['nonsense'])
    """
    ids: dict[str, None] = {}
    unrecognised: list[str] = []
    for piece in re.split(r"[\s,;]+", re.sub(r"(?i)\barxiv:\s+", "arXiv:", text)):
        found = arxiv_id(piece)
        if found is not None:
            ids[found] = None
        elif piece.strip(_WRAPPING) and not _CATEGORY.fullmatch(piece):
            unrecognised.append(piece)
    return list(ids), unrecognised


def abstract_url(paper_id: str) -> str:
    """Return the address of the abstract page of `arxiv:...`."""
    return f"https://arxiv.org/abs/{paper_id.removeprefix('arxiv:')}"


def pdf_url(paper_id: str) -> str:
    """Return the address of the PDF of `arxiv:...`."""
    return f"https://arxiv.org/pdf/{paper_id.removeprefix('arxiv:')}"
