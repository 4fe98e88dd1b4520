"""A folder of model files in, loaded rankers out: what makes pages now, and what stands in when that cannot be used."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

from recommender.errors import ModelError, ModelIncompatible
from recommender.rank import model
from recommender.rank.model import Ranker
from recommender.store import artifacts, vectors
from recommender.store.db import Session

__all__ = ["Rankers"]

_log = logging.getLogger(__name__)


class Rankers:
    """Loaded rankers by version; one per process, safe to share between threads.

    Parameters
    ----------
    folder : Path
        Where model files are.

    Attributes
    ----------
    note : str or None
        Why the page is not made by the model that should be live, in a sentence for the reader.
    """

    def __init__(self, folder: Path) -> None:
        self.note: str | None = None
        self._folder = folder
        self._loaded: dict[str, Ranker] = {}
        self._lock = threading.Lock()

    def get(self, session: Session, version: str) -> Ranker:
        """Return one version, its file checked.

        Raises
        ------
        NotTrained, ModelDamaged, ModelIncompatible
        """
        with self._lock:
            if version not in self._loaded:
                if version == "blend-0":
                    return model.blend_ranker()
                self._loaded[version] = model.load(artifacts.read(session, self._folder, version))
            return self._loaded[version]

    def live(self, session: Session) -> Ranker:
        """Return the live ranker; when it cannot be used, the newest that can, and at worst the untrained blend."""
        wanted = artifacts.current(session)
        why: ModelError | None = None
        for version in self._preference(session, wanted):
            try:
                ranker = self.usable(session, version)
            except ModelError as error:
                _log.error("%s", error)
                why = why or error
            else:
                self.note = f"The model {wanted} cannot be used ({why}). An earlier one, {version}, stands in." if why else None
                return ranker
        self.note = f"The model {wanted} cannot be used ({why}). The page is ranked without learning." if why else None
        return model.blend_ranker()

    def usable(self, session: Session, version: str) -> Ranker:
        """Return one version, checked as `get` does, if it was made for the encoder in use.

        Raises
        ------
        NotTrained, ModelDamaged, ModelIncompatible
        """
        ranker, encoder = self.get(session, version), vectors.current_encoder(session)
        if encoder is not None and ranker.lens.encoder not in ("", encoder):
            raise ModelIncompatible(f"model {ranker.version} was made for encoder {ranker.lens.encoder}, not {encoder}: retrain")
        return ranker

    def serving(self, session: Session) -> tuple[Ranker, ...]:
        """Return what makes pages now: the live ranker, and the one on trial beside it where there is one that can be used."""
        live, trial = self.live(session), artifacts.rival(session)
        if trial is None or live.version != artifacts.current(session):
            return (live,)
        try:
            return live, self.usable(session, trial[0])
        except ModelError as error:
            _log.error("the trial of %s pauses: %s", trial[0], error)
            return (live,)

    def _preference(self, session: Session, wanted: str | None) -> Iterator[str]:
        """Give the live version, then older ones that were live once, newest first; not what was rolled back from."""
        if wanted is None:
            return
        yield wanted  # nearly always the only one asked for: the list of all is not read then
        known = {kept.version: kept for kept in artifacts.listing(session)}
        live = known.get(wanted)
        older = [kept for kept in known.values() if live is None or kept.created_at < live.created_at]
        yield from (kept.version for kept in older if kept.promoted_at is not None and kept.state != "withdrawn")
