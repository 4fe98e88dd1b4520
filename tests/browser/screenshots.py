"""Nothing in, the pictures of the README out: the sample edition of one fixed week, looked at as a reader would. `make screenshots`."""

from __future__ import annotations

import shutil
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from factories import DAY, NOW
from houses import FLAGS, NAMES, served
from playwright.sync_api import sync_playwright

from recommender import ingest
from recommender.settings import Settings, load
from recommender.sources.sample import SampleSource, latent
from recommender.store import (
    accounts,
    comments,
    curators,
    events,
    interests,
    papers,
    readers,
    rules,
    runs,
    schema,
    shelf,
    submissions,
)
from recommender.store.db import Database, open_database
from recommender.types import EventKind, Paper
from web.auth import owner_link

LIKED = {
    "": ("medical imaging", "protein design"),
    "Robots that walk": ("legged locomotion", "robot manipulation"),
    "Stars and planets": ("exoplanets", "cosmology"),
}
WIDE, PHONE = (1100, 1000), (390, 844)
PICTURES = {  # name: address, window, colours
    "today-wide-light": ("/", WIDE, "light"),
    "today-wide-dark": ("/", WIDE, "dark"),
    "today-phone-light": ("/", PHONE, "light"),
    "today-phone-dark": ("/", PHONE, "dark"),
    "why-wide-light": ("/why/{item}", WIDE, "light"),
    "interests-wide-light": ("/interests", WIDE, "light"),
    "paper-wide-light": ("/paper/{paper}", WIDE, "light"),
    "search-wide-light": ("/search?q=walking+robots", WIDE, "light"),
    "learned-wide-light": ("/learned", WIDE, "light"),
}


def about(listed: list[Paper], *topics: str) -> list[Paper]:
    """Return the invented papers whose main topic is one of these."""
    return [paper for paper in listed if latent(paper.id).main in topics]


def live(database: Database, settings: Settings) -> dict[str, str]:
    """Let three invented readers read for a week; returns what the addresses need."""
    week = list(SampleSource(settings.sources).fetch(DAY - timedelta(days=6), now=NOW))
    with database.write() as session:
        papers.upsert(session, week, now=NOW)
        runs.source_said(session, "sample", now=NOW, papers=len(week))
    ingest.embed_missing(database, settings, now=NOW)
    before = [paper for paper in week if paper.edition < DAY]
    earlier, today = NOW - timedelta(hours=20), [paper for paper in week if paper.edition == DAY]
    with database.write() as session:
        owner = readers.create(session, "owner", now=earlier, is_owner=True)
        friends = [readers.create(session, name, now=earlier) for name in ("Ines", "Tomas")]
        accounts.set_curator(session, friends[0].id, is_curator=True)
        for name, topics in LIKED.items():
            number = interests.create(session, owner.id, name, now=earlier).id if name else 0
            for paper in about(before, *topics)[:6]:
                events.append(session, owner.id, paper.id, EventKind.UPVOTE, at=earlier, interest=number)
        for paper in about(before, "combinatorics")[:3]:
            events.append(session, owner.id, paper.id, EventKind.HIDE, at=earlier)
        chosen = about(today, "legged locomotion", "robot manipulation")[0]
        for friend in friends:
            events.append(session, friend.id, chosen.id, EventKind.UPVOTE, at=earlier)
        curators.pick(session, chosen.id, friends[0].id, "The second figure alone is worth it", now=earlier)
        submissions.record(session, about(today, "medical imaging")[0].id, friends[1].id, now=earlier)
        rules.add(session, owner.id, "must", "author", about(today, "protein design")[-1].authors[0], now=earlier)
        first = comments.add(session, chosen.id, friends[1].id, "Does it hold on stairs?", now=earlier)
        comments.add(
            session, chosen.id, friends[0].id, "Section 4 says so; the code is there to try.", now=NOW, parent_id=first.id
        )
        collection = shelf.create(session, owner.id, "Reading group", now=earlier)
        for paper in (chosen, *about(before, "protein design")[:2]):
            events.append(session, owner.id, paper.id, EventKind.SAVE, at=earlier)
            shelf.collect(session, collection, paper.id, now=earlier)
        shelf.write_note(session, owner.id, chosen.id, "For Thursday", now=earlier)
    return {"paper": chosen.id}


def main(folder: Path) -> None:
    """Write every picture into a folder."""
    program = next((path for name in NAMES if (path := shutil.which(name))), None)
    if program is None:
        sys.exit(f"no browser on this machine (looked for {', '.join(NAMES)})")
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        settings = load({}, home=Path(home) / "home", embed={"model": "packaged"}, edition="sample")
        settings.folder.mkdir(parents=True)
        database = open_database(settings.url)
        schema.upgrade(database)
        known = live(database, settings)
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        with served(database, settings) as (app, here):
            context = browser.new_context()
            page = context.new_page()
            page.goto(owner_link(database, app.extensions["broadsheet"].settings, NOW))
            near = page.locator("article[id^=item-]", has_text="which you liked").first
            known["item"] = (near.get_attribute("id") or "").removeprefix("item-")
            cookies = context.cookies()
            for name, (address, (width, height), scheme) in PICTURES.items():
                context = browser.new_context(
                    viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce", locale="en-GB"
                )
                context.add_cookies(cookies)
                page = context.new_page()
                page.goto(here + address.format(**known), wait_until="networkidle")
                page.evaluate("document.fonts.ready")
                page.screenshot(path=folder / f"{name}.png")
                context.close()
        browser.close()
        database.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
