import subprocess
import sys

import pytest

from recommender.errors import SettingsError
from recommender.settings import SourcesSettings
from recommender.sources import SOURCES, Source, open_source


@pytest.mark.parametrize("name", SOURCES)
def test_every_row_of_the_table_opens(fetcher, name):
    source = open_source(name, SourcesSettings(), fetcher)
    assert isinstance(source, Source)
    assert source.name == name


def test_an_unknown_name_is_answered_with_the_known_ones(fetcher):
    with pytest.raises(
        SettingsError, match=r"SOURCES__ENABLED: there is no source 'arxiv2'; choose from arxiv, huggingface, sample"
    ):
        open_source("arxiv2", SourcesSettings(), fetcher)


def test_every_default_source_is_in_the_table():
    assert set(SourcesSettings().enabled) <= set(SOURCES)


def test_the_room_is_light():
    heavy = "{'torch', 'sklearn', 'lightgbm', 'sentence_transformers', 'sqlalchemy', 'flask', 'feedparser'}"
    code = f"import sys, recommender.sources; sys.exit(' '.join({heavy} & set(sys.modules)))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60).stderr.strip() == ""
    )
