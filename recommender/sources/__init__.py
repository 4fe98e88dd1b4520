"""A source's name in, the source out: where papers come from, and the one question each of them answers.

>>> sorted(SOURCES)
['arxiv', 'huggingface', 'sample']
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Protocol, runtime_checkable

from recommender.errors import SettingsError
from recommender.settings import SourcesSettings
from recommender.sources.fetch import Fetcher, Validators
from recommender.types import Paper

__all__ = ["SOURCES", "Fetcher", "Source", "Validators", "open_source"]


@runtime_checkable
class Source(Protocol):
    """Anything that can say which papers are new.

    Attributes
    ----------
    name : str
        As in `BROADSHEET_SOURCES__ENABLED`; it is also the `source` of the papers.
    """

    name: str

    def fetch(self, since: date, *, now: datetime) -> Iterator[Paper]:
        """Yield papers whose edition is `since` or later, each id once, in any order.

        Parameters
        ----------
        since : date
        now : datetime
            UTC; what bears a later date than this is not believed.

        Raises
        ------
        SourceError
            If the source cannot be read. What was yielded before it stays good.
        """
        ...


# Module and class by name: a source, and the parser it needs, is loaded when it is opened.
SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "arxiv": "recommender.sources.arxiv:ArxivSource",
        "huggingface": "recommender.sources.huggingface:HuggingFaceSource",
        "sample": "recommender.sources.sample:SampleSource",
    }
)


def open_source(name: str, settings: SourcesSettings, fetcher: Fetcher) -> Source:
    """Return the source of that name, ready to be asked.

    Parameters
    ----------
    name : str
        A key of `SOURCES`.
    settings : SourcesSettings
    fetcher : Fetcher
        Shared by all sources of one ingest, so that pauses are kept across them.

    Raises
    ------
    SettingsError
        If there is no source of that name.
    """
    if name not in SOURCES:
        raise SettingsError(f"BROADSHEET_SOURCES__ENABLED: there is no source {name!r}; choose from {', '.join(SOURCES)}")
    module, _, maker = SOURCES[name].partition(":")
    source: Source = getattr(importlib.import_module(module), maker)(settings, fetcher)
    return source
