"""A folder of model files in, loaded rankers out: what makes pages now, and what stands in when that cannot be used."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from recommender.errors import ModelError, ModelIncompatible
from recommender.rank import model
from recommender.rank.model import Ranker
from recommender.store import artifacts, vectors
from recommender.store.db import Session
from recommender.store.slots import in_use

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
                    return _untrained()
                self._loaded[version] = model.load(artifacts.read(session, self._folder, version))
            return self._loaded[version]

    def live(self, session: Session, used: Mapping[str, str] | None = None) -> Ranker:
        """Return the live ranker; when it cannot be used, the newest that can, and at worst the untrained blend.

        Parameters
        ----------
        session : Session
        used : mapping of str to str, default=None
            As `slots.in_use` says in this transaction, where it was asked already.
        """
        used = in_use(session) if used is None else used
        wanted = used.get(artifacts.SLOT)
        why: ModelError | None = None
        for version in self._preference(session, wanted):
            try:
                ranker = self._fitting(session, version, used)
            except ModelError as error:
                _log.error("%s", error)
                why = why or error
            else:
                self.note = f"The model {wanted} cannot be used ({why}). An earlier one, {version}, stands in." if why else None
                return ranker
        self.note = f"The model {wanted} cannot be used ({why}). The page is ranked without learning." if why else None
        return _untrained()

    def usable(self, session: Session, version: str) -> Ranker:
        """Return one version, checked as `get` does, if it was made for the encoder in use.

        Raises
        ------
        NotTrained, ModelDamaged, ModelIncompatible
        """
        return self._fitting(session, version, in_use(session))

    def _fitting(self, session: Session, version: str, used: Mapping[str, str]) -> Ranker:
        ranker, encoder = self.get(session, version), used.get(vectors.SLOT)
        if encoder is not None and ranker.lens.encoder not in ("", encoder):
            raise ModelIncompatible(f"model {ranker.version} was made for encoder {ranker.lens.encoder}, not {encoder}: retrain")
        return ranker

    def serving(self, session: Session, used: Mapping[str, str] | None = None) -> tuple[Ranker, ...]:
        """Return what makes pages now: the live ranker, and the one on trial beside it where there is one that can be used."""
        used = in_use(session) if used is None else used
        live, trial = self.live(session, used), used.get(artifacts.TRIAL)
        if trial is None or live.version != used.get(artifacts.SLOT):
            return (live,)
        try:
            return live, self._fitting(session, trial, used)
        except ModelError as error:
            _log.error("the trial of %s pauses: %s", trial, error)
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


@cache
def _untrained() -> Ranker:
    """One for all, so that what it sees in a window is looked at once."""
    return model.blend_ranker()
