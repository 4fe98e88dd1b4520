"""DOOR: a command line in, an exit code out: `broadsheet`, thin commands over the rooms.

Settings are read once, here. Whatever this project raises on purpose becomes one line on standard error.
"""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import click

from recommender import settings as configuration
from recommender.errors import StoreError
from web import shell

__all__ = ["main"]

NOBODY = "nobody@example.invalid"  # whose digest is looked at need have no address yet
DAY = click.DateTime(["%Y-%m-%d"])


@click.group(cls=shell.Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="broadsheet", prog_name="broadsheet")
def main() -> None:
    """Broadsheet: a daily page of new research papers that learns what you want to read.

    Start with `broadsheet up`, and open the link it prints. Everything else happens by itself; the other commands are there to
    look, to help, and to run the parts one by one. Settings are environment variables: `broadsheet doctor --settings` lists them.

    Exit codes: 0 done, 1 an error, 2 a wrong setting or option, 3 a model refused, 4 too little to learn from.
    """
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")


@main.command(epilog="Example: broadsheet up")
def up() -> None:
    """Start everything: papers, pages, the clock.

    The first start reads the newest papers, or opens a sample edition of invented ones where no source can be reached. Then it
    prints a link that signs you in. Ctrl-C stops it; nothing is lost.
    """
    from web import up as launcher

    sys.exit(launcher.run(configuration.load(), os.environ, clock=shell.now, say=shell.say))


@main.command(epilog="Example: broadsheet serve      (and `broadsheet clock` beside it)")
def serve() -> None:
    """Serve the pages, and nothing else."""
    from web.serve import free_port, run

    settings = free_port(shell.settings())
    with shell.opened(settings, make=False):
        pass
    run(settings)


@main.command(epilog="Example: broadsheet clock")
def clock() -> None:
    """Run the jobs when they are due: papers, learning, pages, digests.

    One of these is enough; a second one does no harm. SIGTERM or Ctrl-C ends it after the job at hand.
    """
    from web import scheduler

    settings = shell.settings()
    with shell.opened(settings, make=False):
        pass
    scheduler.run(settings, report=shell.tell)


@main.command(epilog="Example: */5 * * * *  broadsheet tick")
@click.option("--force", "job", metavar="JOB", help="Run this job now, due or not: ingest, simulate, retrain, pages or digests.")
def tick(job: str | None) -> None:
    """Do what is due once and end: for cron, instead of `clock`."""
    from web import jobs
    from web.workers import worker_name

    settings = shell.settings()
    if job is not None:
        shell.run_now(settings, job)
        return
    with shell.opened(settings) as database:
        results = jobs.run_due(database, settings, shell.now(), worker=worker_name(), clock=shell.now, report=shell.tell)
    if any(result.status == "failed" for result in results):
        sys.exit(1)


@main.command(epilog="Example: broadsheet ingest")
@click.option("--at-most", type=click.IntRange(1), help="Read only this many papers now, newest first; the next run goes on.")
def ingest(at_most: int | None) -> None:
    """Ask the sources for new papers now, and read them."""
    shell.run_now(shell.settings(), "ingest", read_at_most=at_most)


@main.command("import", epilog="Example: broadsheet import arxiv-metadata.jsonl --since 2026-01-01")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--since", type=DAY, metavar="YYYY-MM-DD", help="Leave out what was announced before this day.")
@click.option("--until", type=DAY, metavar="YYYY-MM-DD", help="Leave out what was announced after this day.")
def import_(file: Path, since: datetime | None, until: datetime | None) -> None:
    """Add the papers of a file: JSON Lines, such as arXiv's metadata dump; it may be gzipped.

    A line of your own names at least an arXiv id, the day of its edition, a title and an abstract, and may name more:

    \b
    {"id": "2601.00001", "day": "2026-01-02", "title": "A title", "abstract": "What it is about.",
     "authors": ["Ada Lovelace"], "categories": ["cs.LG"], "comment": "12 pages"}
    """  # noqa: D301  # \b is the character by which click leaves lines as they are
    from recommender.ingest import import_file
    from web.progress import Steps

    settings = shell.settings(unset="real")
    with shell.opened(settings) as database, Steps() as progress:
        days: dict[str, date | None] = {"since": since.date() if since else None, "until": until.date() if until else None}
        done = import_file(database, settings, file, now=shell.now(), progress=progress, **days)
    skipped = f", {done.skipped:,} lines skipped" if done.skipped else ""
    papers = "1 paper" if done.read == 1 else f"{done.read:,} papers"
    shell.say(f"{papers}: {done.upserted.added:,} new, {done.upserted.changed:,} changed{skipped}; {done.embedded:,} embedded")


@main.command(epilog="Example: broadsheet retrain")
def retrain() -> None:
    """Learn from the votes now, and go live with what was learned if it is better.

    Ends with 3 when the new model is not good enough (the old one stays), with 4 when there are too few votes yet.
    """
    shell.run_now(shell.settings(), "retrain")


@main.command(epilog="Example: broadsheet digest --to owner")
@click.option("--to", "name", metavar="NAME", required=True, help="The reader; the first one is called owner.")
@click.option("--print", "how", flag_value="print", default=True, help="Print it (the default).")
@click.option("--html", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write it as a web page to this file.")
@click.option("--send", "how", flag_value="send", help="Send it.")
def digest(name: str, how: str, file: Path | None) -> None:
    """Look at a reader's digest as it would be now, or send it."""
    from recommender.store import readers
    from web.delivery import Delivery
    from web.mail import ConsoleMailer

    settings = shell.settings()
    with shell.opened(settings) as database:
        with database.read() as session:
            reader = readers.by_name(session, name)
        if reader is None:
            raise StoreError(f"there is no reader called {name!r}: the first one is called owner, the owner's page lists all")
        if how == "send":
            if file is not None:
                raise click.UsageError("--send sends it and --html writes a file: ask for one of them")
            Delivery(database, settings).send(reader, shell.now())
            is_sent = settings.mail.mailer != "console"
            shell.say(f"Sent to {reader.email}." if is_sent else f"Printed, not sent to {reader.email}: there is no mail server.")
            return
        addressed = replace(reader, email=reader.email or NOBODY)
        message = Delivery(database, settings).draft(addressed, shell.now()).message
    page = message.get_body(("html",))
    if file is not None and page is not None:
        file.write_text(page.get_content(), encoding="utf-8")
        shell.say(f"Written to {file}.")
    else:
        ConsoleMailer().send(message)


@main.command(epilog="Example: broadsheet bounces returned.eml")
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def bounces(files: tuple[Path, ...]) -> None:
    """Read bounces and complaints, one message a file, and say what each was; one from standard input when no file is named.

    A mail server may pipe what arrives for an address into it, as the user to whom this Broadsheet belongs. What is no report about
    a digest of this Broadsheet is left alone, and ends with 0 too. Where a message from standard input could not be looked at it ends
    with 75, so that the mail server keeps it and tries again.
    """
    from web import returned

    try:
        with shell.opened(shell.settings(), make=False) as database:
            for name, raw in shell.messages(files, returned.LARGEST):
                click.echo(f"{name}: {returned.take(database, raw, now=shell.now())}")
    except Exception as error:
        if files:
            raise
        click.echo(f"broadsheet: {type(error).__name__}: {error}", err=True)
        sys.exit(os.EX_TEMPFAIL)


@main.command(epilog="Example: broadsheet link")
def link() -> None:
    """Print a fresh link that signs the owner in; it works once, for a day."""
    from web.auth import owner_link

    settings = shell.settings()
    with shell.opened(settings) as database:
        click.echo(owner_link(database, settings, shell.now()))


@main.command(epilog="Example: broadsheet invite --note 'Ada, from the reading group'")
@click.option("--note", default="", help="For whom it is; only the owner sees it.")
def invite(note: str) -> None:
    """Print a link that lets one person make an account; it works once, for a fortnight."""
    from recommender.store import invitations, readers
    from web.links import absolute

    settings = shell.settings()
    if settings.web.signup == "closed":
        raise StoreError("nobody may make an account: set BROADSHEET_WEB__SIGNUP to `invited` or `open` first")
    with shell.opened(settings) as database, database.write() as session:
        owner = readers.owner(session)
        token = invitations.make(session, owner.id if owner else None, now=shell.now(), note=note)
    click.echo(absolute(settings, f"/join/{token}"))


@main.command(epilog="Example: broadsheet doctor")
@click.option("--settings", "list_settings", is_flag=True, help="List every setting with its present value.")
def doctor(list_settings: bool) -> None:
    """Say what is well and what is not; ends with 1 when something is broken."""
    from web import doctor as examination

    if list_settings:
        for name, value, told in examination.table(configuration.load()):
            click.echo(f"{name}={value}\n    {told}")
        return
    broken = False
    for check in examination.checks(shell.settings()):
        broken = broken or check.state == "bad"
        click.echo(f"{check.state:<5} {check.name:<20} {check.told}")
    sys.exit(1 if broken else 0)


@main.command(epilog="Example: broadsheet sample --days 14")
@click.option("--days", type=click.IntRange(2, 30), default=30, show_default=True, help="Editions to invent.")
def sample(days: int) -> None:
    """Make the sample edition whole: invented papers, simulated readers, a first model.

    `broadsheet up` does the same in the background. The sample edition has a database of its own.
    """
    settings = configuration.load(edition="sample")
    for job in ("ingest", "simulate", "retrain"):
        shell.run_now(settings, job, sample_days=days)


@main.group()
def db() -> None:
    """Look after the database's tables."""


@db.command(epilog="Example: broadsheet db upgrade")
def upgrade() -> None:
    """Bring the tables up to date; safe to run at any time. Make a copy of the database before a new version's first upgrade."""
    from recommender.store import schema
    from recommender.store.db import open_database

    database = open_database(shell.settings().url)
    schema.upgrade(database)
    click.echo(f"schema {schema.revision(database)}")
    database.close()


@db.command(epilog="Example: broadsheet db check")
def check() -> None:
    """Say whether the tables are those that this program knows."""
    from recommender.store import schema

    with shell.opened(shell.settings(), make=False) as database:
        try:
            schema.check(database)
        except Exception as error:  # alembic's, which tells what differs
            raise StoreError(f"the tables are not those of this program: {error}") from None
    click.echo("the tables are as they should be")


@db.command(epilog="Example: broadsheet db revision")
@click.argument("message", required=False)
def revision(message: str | None) -> None:
    """Show the revision the database stands at; with a MESSAGE, draft a migration to what the code says (for developers)."""
    from recommender.store import schema

    with shell.opened(shell.settings(), make=False) as database:
        if message:
            click.echo(schema.draft(database, message))
        else:
            click.echo(f"{schema.revision(database)} (this program wants {schema.head()})")


@main.group()
def models() -> None:
    """Look at the models that were learned, and choose among them."""


@models.command("list", epilog="Example: broadsheet models list")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="Show only this many.")
def list_models(limit: int) -> None:
    """List the models, the newest first: what became of each, what was measured of it, and why."""
    from recommender.store import artifacts
    from web import versions

    with shell.opened(shell.settings()) as database, database.read() as session:
        for line in versions.listed(artifacts.listing(session, limit=limit)):
            click.echo(line)


@models.command(epilog="Example: broadsheet models show 2026-05-20-0210-a")
@click.argument("version")
def show(version: str) -> None:
    """Show one model: what it learned from, what it looks at, what was measured, and whether it can be used."""
    from recommender.daily import Rankers
    from recommender.store import artifacts
    from web import versions

    settings = shell.settings()
    with shell.opened(settings) as database, database.read() as session:
        for line in versions.card(session, artifacts.get(session, version), Rankers(settings.models_folder)):
            click.echo(line)


@models.command(epilog="Example: broadsheet models promote 2026-05-20-0210-a")
@click.argument("version")
def promote(version: str) -> None:
    """Make a model the live one, after checking that it can be used; a trial that is on ends."""
    from recommender.daily import Rankers
    from web import versions

    settings = shell.settings()
    with shell.opened(settings) as database, database.write() as session:
        told = versions.promote(session, Rankers(settings.models_folder), version, now=shell.now())
    shell.say(told)


@models.command(epilog="Example: broadsheet models rollback")
def rollback() -> None:
    """Go back to the model that was live before; again and it goes back further, to the ranking without learning at last."""
    from recommender.daily import Rankers
    from web import versions

    settings = shell.settings()
    with shell.opened(settings) as database, database.write() as session:
        told = list(versions.go_back(session, Rankers(settings.models_folder), now=shell.now()))
    for line in told:
        shell.say(line)


if __name__ == "__main__":
    main(prog_name="broadsheet")
