"""A reader and a day in, their digest as a message out: what `contents` gathered, with links that stand for the reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

from recommender.desk import Desk
from recommender.errors import MailError
from recommender.settings import Settings
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.types import EventKind
from web.cards import clip
from web.chosen import NothingToSend, Occasion, Together
from web.contents import Contents, Entry, Section, gather
from web.links import Signer, absolute, host
from web.mail import Letter, make_message, one_line
from web.picks import SHORTER, Pick, pick
from web.stationery import Parts, message_id, write
from web.words import LANGUAGES, speaking, spoken

__all__ = ["LARGEST", "PREHEADER", "SUBJECT_WIDTH", "Draft", "NothingToSend", "Together", "draft"]

SUBJECT_WIDTH = 70  # characters of a title in a subject
PREHEADER = 140  # characters of what mail programs show beside the subject
LARGEST = 100_000  # bytes of HTML: more than 102 kB, and Gmail shows the beginning only


@dataclass(frozen=True, slots=True)
class Draft:
    """A digest that could be sent.

    Attributes
    ----------
    message : EmailMessage
    item_ids : tuple of int
        Stored items that it shows, in order.
    page_id : int or None
        The page of its newest edition.
    edition : date
        The newest edition it shows; of a quiet one, the newest that there is.
    kind : {"day", "week", "quiet"}, default="day"
    """

    message: EmailMessage
    item_ids: tuple[int, ...]
    page_id: int | None
    edition: date
    kind: str = "day"

    @property
    def is_quiet(self) -> bool:
        """Whether it only says that nothing came, and why."""
        return self.kind == "quiet"


def draft(
    database: Database,
    desk: Desk,
    reader: Reader,
    *,
    day: date,
    now: datetime,
    settings: Settings,
    signer: Signer,
    last_edition: date | None = None,
    told_quiet: bool = False,
    together: Together | None = None,
    asked: bool = False,
) -> Draft:
    """Write the digest that a reader gets now.

    Parameters
    ----------
    database : Database
    desk : Desk
    reader : Reader
    day : date
        The reader's local day; there is one digest per local day, and its Message-ID says so.
    now : datetime
    settings : Settings
    signer : Signer
    last_edition : date, default=None
        The newest edition that they got a digest of: only what is newer makes another.
    told_quiet : bool, default=False
        Whether the last thing they got said already that nothing came.
    together : Together, default=None
        What was made at once for all whose digests are written with this one.
    asked : bool, default=False
        Whether somebody asked for it at this moment: it is then a message besides the day's own, with an id of its own.

    Raises
    ------
    NothingToSend
        If there is nothing to send, and that was to be expected or has been said.
    MailError
        If the reader has no usable address.
    """
    if not reader.email:
        raise MailError(f"{reader.name} has given no e-mail address: set one on the account page")
    with speaking(reader.locale if reader.locale in LANGUAGES else settings.web.language):
        said = gather(Occasion(database, desk, reader, now, settings, last_edition, told_quiet, together or Together()))
        language = spoken()
        said, parts, leave_url = _fitting(said, reader, settings, signer)
    letter = Letter(
        to_name=reader.name,
        to_address=reader.email,
        subject=parts.subject,
        text=parts.text,
        html=parts.html,
        message_id=message_id(signer, settings, day, f"r{reader.id}{now:-%H%M%S}" if asked else f"r{reader.id}"),
        list_id=f"digest.{host(settings)}",
        leave_url=leave_url,
        campaign=str(day),
        kind="own",
        language=language,
    )
    message = make_message(letter, sender=settings.mail.sender, now=now)
    return Draft(message, tuple(entry.item_id for entry in said.entries), said.page_id, said.edition, said.kind)


def _fitting(said: Contents, reader: Reader, settings: Settings, signer: Signer) -> tuple[Contents, Parts, str]:
    """Write what fits into one message: titles are cut before papers are left out, the last ones first."""
    leave_url = absolute(settings, f"/m/leave/{signer.sign('leave', {'r': reader.id})}")
    for longest in SHORTER:
        parts = _written(said, reader, settings, signer, leave_url, longest)
        if len(parts.html.encode()) <= LARGEST:
            return said, parts, leave_url
    while (size := len(parts.html.encode())) > LARGEST and len(said.entries) > 1:
        fewer = min(len(said.entries) * LARGEST // size, len(said.entries) - 1)
        said = replace(said, sections=_first(said.sections, max(fewer, 1)))
        parts = _written(said, reader, settings, signer, leave_url, longest)
    return said, parts, leave_url


def _first(sections: Sequence[Section], count: int) -> tuple[Section, ...]:
    """Return the first so many papers, in the sections they stand in."""
    cut = list[Section]()
    for section in sections:
        cut.append(replace(section, entries=section.entries[:count]))
        count -= len(cut[-1].entries)
    return tuple(section for section in cut if section.entries)


def _written(said: Contents, reader: Reader, settings: Settings, signer: Signer, leave_url: str, longest: int) -> Parts:
    sections, titles = list[dict[str, Any]](), list[str]()
    for section in said.sections:
        picks = [_pick(entry, reader, settings, signer, longest) for entry in section.entries]
        sections.append({"name": section.name, "picks": picks, "start": len(titles) + 1})
        titles += [one.title for one in picks]
    return write(
        "digest",
        {
            "said": said,
            "sections": sections,
            "shown": sum(len(section.entries) for section in said.sections if not section.besides),
            "count": len(titles),
            "first": clip(titles[0], SUBJECT_WIDTH) if titles else "",
            "others": clip(" · ".join(titles[1:4]), PREHEADER),
            "reader": clip(one_line(reader.name), 60),
            "page_url": absolute(settings, f"/day/{said.edition}" if said.kind == "day" else "/"),
            "leave_url": leave_url,
            "host": urlsplit(settings.public_url).netloc,
        },
    )


def _pick(entry: Entry, reader: Reader, settings: Settings, signer: Signer, longest: int) -> Pick:
    def link(kind: str, **more: str) -> str:
        return absolute(settings, f"/m/{kind}/{signer.sign(kind, {'r': reader.id, 'i': entry.item_id, **more})}")

    votes = (link("vote", k=kind.value) for kind in (EventKind.UPVOTE, EventKind.DOWNVOTE))
    return pick(entry.card, entry.why, link("read"), *votes, longest=longest)
