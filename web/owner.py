"""The owner in, the state of the house out: what needs a look, sources, jobs, readers, invitations, and how much there is."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext

from recommender.errors import StoreError
from recommender.store import accounts, comments, invitations, mail_log, overview, readers, runs, subscribers
from recommender.store.db import Session
from recommender.store.readers import Reader
from web import links
from web.auth import State, owner_required, state
from web.words import moment_words

__all__ = ["Job", "blueprint"]

LATE = timedelta(minutes=10)  # after which a due job that nobody runs says that the clock stands still
JOBS = {
    "ingest": lazy_gettext("Ask the sources, read new papers"),
    "wanted": lazy_gettext("Fetch papers that readers asked for"),
    "libraries": lazy_gettext("Read connected libraries"),
    "notices": lazy_gettext("Tell readers of answers"),
    "simulate": lazy_gettext("Let the simulated readers read"),
    "retrain": lazy_gettext("Retrain the ranking"),
    "pages": lazy_gettext("Make pages ahead of their readers"),
    "bounces": lazy_gettext("Read bounces and complaints"),
    "digests": lazy_gettext("Send digests"),
}

blueprint = Blueprint("owner", __name__, url_prefix="/owner")


@dataclass(frozen=True, slots=True)
class Job:
    """One job of the clock; `took_s` and `detail` are of its last run."""

    name: str
    words: str
    run: runs.Run | None
    next_at: datetime | None
    took_s: float | None
    detail: list[tuple[str, str]]


@blueprint.get("")
@owner_required
def front(_reader: Reader) -> ResponseReturnValue:
    """Show what needs a look, then sources, jobs and sizes."""
    app = state()
    now = app.clock()
    with app.database.read() as session:
        jobs, sources = _jobs(session), runs.sources(session)
        asked = {source.name for source in sources}
        return render_template(
            "owner.html",
            now=now,
            needs=_needs(session, app, jobs, sources, now),
            sources=sources,
            unasked=[] if app.settings.is_sample else [name for name in app.settings.sources.enabled if name not in asked],
            jobs=jobs,
            stored=overview.stored(session),
            simulated=readers.count(session, simulated=True),
            free=_free(app),
        )


@blueprint.post("/jobs/<name>/now")
@owner_required
def run_now(_reader: Reader, name: str) -> ResponseReturnValue:
    """Let a job be due now; the clock does it."""
    app = state()
    with app.database.write() as session:
        busy = next((run for run in runs.recent(session, limit=1, job=name) if run.status == "running"), None)
        if not runs.make_due(session, name, app.clock()):
            abort(404, _("The clock knows no such job. It learns its jobs when it first runs."))
    words = JOBS.get(name, name)
    if busy is not None:
        flash(
            _(
                "“%(job)s” is running since %(when)s, and comes once more after that.",
                job=words,
                when=moment_words(busy.started_at),
            )
        )
    else:
        seconds = round(app.settings.clock.tick_s)
        flash(
            _("“%(job)s” is due now: the clock does it within %(seconds)s seconds, if it is running.", job=words, seconds=seconds)
        )
    return redirect(url_for("owner.front"), code=303)


@blueprint.get("/readers")
@owner_required
def people(_reader: Reader) -> ResponseReturnValue:
    """List the readers and the invitations."""
    return _people()


@blueprint.post("/readers/<int:number>/<any(curator, access):what>")
@owner_required
def change_reader(_reader: Reader, number: int, what: str) -> ResponseReturnValue:
    """Make a reader a curator or not, let them in or shut them out."""
    on = request.form.get("on") == "1"
    try:
        with state().database.write() as session:
            found = readers.by_id(session, number) if number < 2**31 else None
            if found is None or found.simulated:
                abort(404, _("There is no such reader."))
            if what == "curator":
                accounts.set_curator(session, found.id, on)
            else:
                accounts.shut_out(session, found.id, None if on else state().clock())
    except StoreError as error:
        return _people(told=f"{str(error)[:1].upper()}{str(error)[1:].rstrip('.')}."), 422
    told = {
        ("curator", True): _("%(name)s is a curator now: picks of theirs are shown to everyone."),
        ("curator", False): _("%(name)s is no curator any more: picks of theirs are shown no longer."),
        ("access", True): _("%(name)s may come in again."),
        ("access", False): _("%(name)s is shut out, everywhere and at once. Nothing of theirs is deleted."),
    }[what, on]
    flash(told % {"name": found.name})
    return redirect(url_for("owner.people"), code=303)


@blueprint.post("/invitations")
@owner_required
def invite(reader: Reader) -> ResponseReturnValue:
    """Make an invitation and show its link, this once."""
    app = state()
    with app.database.write() as session:
        secret = invitations.make(session, reader.id, now=app.clock(), note=request.form.get("note", ""))
    return _people(link=links.absolute(app.settings, f"/join/{secret}"))


@blueprint.post("/invitations/<name>/withdraw")
@owner_required
def withdraw(_reader: Reader, name: str) -> ResponseReturnValue:
    """Take back an invitation that nobody has accepted."""
    with state().database.write() as session:
        if not invitations.withdraw(session, name):
            abort(404, _("There is no such invitation: it may have been accepted in the meantime."))
    flash(_("The invitation is taken back: its link is dead."))
    return redirect(url_for("owner.people"), code=303)


def _people(link: str = "", told: str = "") -> str:
    app = state()
    with app.database.read() as session:
        return render_template(
            "owner_readers.html",
            people=overview.people(session),
            invitations=invitations.listing(session, now=app.clock()),
            lives=invitations.LIVES.days,
            signup=app.settings.web.signup,
            subscribers=subscribers.count(session),
            link=link,
            told=told,
        )


def _jobs(session: Session) -> list[Job]:
    last = runs.last_runs(session)
    names = {*runs.due(session, datetime.max.replace(tzinfo=UTC)), *last}  # all there are
    order = {name: place for place, name in enumerate(JOBS)}
    return [_job(session, name, last.get(name)) for name in sorted(names, key=lambda one: (order.get(one, len(order)), one))]


def _job(session: Session, name: str, run: runs.Run | None) -> Job:
    took = (run.ended_at - run.started_at).total_seconds() if run is not None and run.ended_at is not None else None
    return Job(
        name, str(JOBS.get(name, name)), run, runs.next_at(session, name), took, _told(run.detail) if run is not None else []
    )


def _told(detail: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what a run said of itself, flat, without what says nothing."""
    flat: list[tuple[str, str]] = []
    for name, value in detail.items():
        if isinstance(value, Mapping):
            flat += [(f"{name.replace('_', ' ')}, {inner}", str(one)) for inner, one in value.items()]
        elif value not in (None, "", [], ()):
            flat.append((name.replace("_", " "), str(value)))
    return flat


def _needs(
    session: Session, app: State, jobs: list[Job], sources: list[runs.SourceState], now: datetime
) -> list[tuple[str, str]]:
    """Return what the owner should look at: a sentence and where to."""
    found: list[tuple[str, str]] = []
    late = [job for job in jobs if job.next_at is not None and job.next_at < now - LATE]
    running = any(job.run is not None and job.run.status == "running" for job in jobs)
    if late and not running:
        since = moment_words(min(job.next_at for job in late if job.next_at is not None))
        found.append((_("The clock does not seem to run: something has been due since %(when)s.", when=since), "#jobs"))
    if not jobs:
        found.append((_("The clock has not run yet. “broadsheet up” starts it with the pages."), "#jobs"))
    failing = [source for source in sources if source.error]
    if failing:
        found.append(
            (
                ngettext(
                    "%(num)s source could not be read the last time.",
                    "%(num)s sources could not be read the last time.",
                    len(failing),
                ),
                "#sources",
            )
        )
    for job in jobs:
        if job.run is not None and job.run.status in ("failed", "lost"):
            found.append((_("“%(job)s” failed the last time.", job=job.words), "#jobs"))
    waiting = len(comments.reports_open(session))
    if waiting:
        found.append(
            (
                ngettext("%(num)s reported remark waits for your word.", "%(num)s reported remarks wait for your word.", waiting),
                url_for("moderation.front"),
            )
        )
    if app.rankers.note:
        found.append((app.rankers.note, url_for("measured.models")))
    unsent = [one for one in mail_log.letters(session, status="failed", limit=20) if now - one.at < timedelta(days=2)]
    if unsent:
        found.append(
            (
                ngettext("%(num)s digest failed within two days.", "%(num)s digests failed within two days.", len(unsent)),
                url_for("postroom.front"),
            )
        )
    return found


def _free(app: State) -> int | None:
    """How many bytes are free where the home is; None where nobody says."""
    try:
        return shutil.disk_usage(app.settings.folder).free
    except OSError:
        return None
