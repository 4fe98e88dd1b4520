"""A migrated database in, a lived-in house out: readers, interests, votes, talk, shelves, mail, and papers that are hard to show."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

from factories import DAY, NOW, fill, make_edition, make_paper
from reports import REPORT

from recommender import daily
from recommender.hours import Schedule
from recommender.rank import model
from recommender.settings import Settings
from recommender.store import (
    accounts,
    artifacts,
    comments,
    curators,
    events,
    interests,
    invitations,
    keys,
    readers,
    rules,
    runs,
    shelf,
    submissions,
    subscribers,
    suppressions,
)
from recommender.store.db import Database, Session
from recommender.store.tables_mail import DigestRow
from recommender.types import EventKind, Paper, Signals

TRYING = {
    "maths": {
        "title": r"Layered $\mathcal{O}(n \log n)$ Proofs for $\|x\|_2 \le \sqrt{d}$",
        "abstract": r"We show $$\sum_{i=1}^{n} \alpha_i x_i \ge \frac{1}{2}$$ for \(p \in (1, \infty)\), where others pay $5 and $6. "
        * 4,
        "code_url": "https://code.example/layered",
        "project_url": "https://project.example/layered",
        "pdf_url": "https://arxiv.org/pdf/1",
        "signals": Signals(upvotes=1234, comments=3, stars=4321),
        "organization": "Institute of Papers",
        "comment": "12 pages, 3 figures",
    },
    "hostile": {
        "title": r"<script>alert(1)</script> $\href{javascript:alert(1)}{x}$ {{7*7}} $\includegraphics{a}$ $\def\a{\a\a}\a$ $ $$ $",
        "abstract": r"<img src=x onerror=alert(1)> $\url{javascript:alert(1)}$ $\pmb{x}$ $\htmlStyle{color:red}{y}$ $\rule{999em}{999em}$",
        "authors": ('"><b>Author</b>', "javascript:alert(1)"),
        "url": "javascript:alert(1)",
    },
    "arabic": {
        "title": "التعلم العميق للرسوم البيانية: دراسة $O(n)$ في Transformers",
        "abstract": "نقترح طريقة جديدة لتعلم الرسوم البيانية. " * 12,
        "authors": ("محمد بن موسى الخوارزمي", "فاطمة الفهري"),
        "organization": "جامعة بغداد",
    },
    "hebrew": {"title": "למידה עמוקה של גרפים (GNN)", "abstract": "אנו מציעים שיטה חדשה.", "authors": ("רות כהן",)},
    "emoji": {"title": "🤖🦾 Grasping with 👩‍🔬 in the loop 🎉", "abstract": "🚀" * 40, "authors": ("Zoë 🌈 Ångström",)},
    "long": {
        "title": "Supercalifragilisticexpialidocious" * 12 + " " + "word " * 60,
        "abstract": "Donaudampfschifffahrtsgesellschaft" * 40 + " " + "A sentence that says little. " * 200,
        "authors": tuple(f"Collaboration Member {number}" for number in range(5000)),
        "organization": "O" * 180,
        "comment": "x" * 290,
    },
    "empty": {"title": "", "abstract": "", "authors": (), "categories": (), "url": None, "signals": Signals()},
    "again": {"announce": "replace", "version": 3},
    "cross": {"announce": "cross", "submitter": "somebody at the source"},
}


@dataclass(frozen=True)
class RichWorld:
    """Who and what is in it: names of papers by what they try, and the numbers that addresses need."""

    owner: readers.Reader
    friends: tuple[readers.Reader, ...]
    papers: dict[str, Paper]
    day: date = DAY
    numbers: dict[str, int] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)


def trying_papers(day: date = DAY) -> dict[str, Paper]:
    """Return papers that are hard to show, by what is hard about them."""
    return {
        name: make_paper(800 + place, topic="graphs", day=day, **facts)  # type: ignore[arg-type]
        for place, (name, facts) in enumerate(TRYING.items())
    }


def settle_in(database: Database, settings: Settings, *, per_topic: int = 8) -> RichWorld:
    """Fill a database with a house where people live."""
    hard = trying_papers()
    plain = make_edition(DAY, per_topic=per_topic)
    earlier = [paper for back in (1, 2, 5, 30) for paper in make_edition(DAY - timedelta(days=back), per_topic=2)]
    fill(database, settings, [*hard.values(), *plain, *earlier])
    with database.write() as session:
        owner = readers.owner(session) or readers.create(session, "owner", now=NOW, is_owner=True)
        friends = tuple(
            readers.create(session, name, now=NOW - timedelta(days=40), email=f"{name}@example.org") for name in ("ada", "ben")
        )
        numbers, words = _live(session, owner, friends, hard, plain)
        _train(session, settings)
    with database.write() as session:
        page = daily.current_page(session, owner.id, DAY, daily.Rankers(settings.models_folder), settings.rank, now=NOW)
        numbers["item"] = page.items[1].id
    return RichWorld(owner, friends, {**hard, "plain": plain[0], "saved": plain[1]}, numbers=numbers, words=words)


def _train(session: Session, settings: Settings) -> None:
    """Let three versions be made: one that was live, the live one, and one that the gate refused."""
    for back, version in ((4, "2026-05-16-a"), (3, "2026-05-17-b"), (1, "2026-05-19-c")):
        untrained = model.blend_ranker(version=version)
        report = {**REPORT, "report": {**REPORT["report"], "versions": {"model": version}}} if back > 1 else {}
        facts = {"kind": "boosted", "schema": untrained.schema, "papers": 1, "now": NOW - timedelta(days=back), "report": report}
        artifacts.add(session, settings.models_folder, version, model.dump(untrained), **facts)  # type: ignore[arg-type]
        if back > 1:
            artifacts.promote(session, version, now=NOW - timedelta(days=back), reason="; ".join(REPORT["reasons"]))
    artifacts.refuse(session, "2026-05-19-c", "nDCG@10 is not better than that of the live model")


def _post(session: Session, owner: readers.Reader, friends: tuple[readers.Reader, ...]) -> None:
    """Let digests of earlier days have ended in every way there is, the last of Ben's for good."""
    ada, ben = friends
    reader = subscribers.confirm(session, "cleo@example.org", Schedule(7), locale="", now=NOW - timedelta(days=20))
    gone = "550 5.1.1 (an address) Recipient address rejected: " + "User unknown in virtual mailbox table. " * 3
    ended: list[tuple[dict[str, int], str, dict[str, object]]] = [
        ({"reader_id": ada.id}, "sent", {}),
        ({"reader_id": ben.id}, "failed", {"code": 550, "error": gone}),
        ({"subscriber_id": reader.id}, "deferred", {"attempts": 2, "retry_at": NOW, "code": 451, "error": "mx: 451 greylisted"}),
        ({"reader_id": owner.id}, "unknown", {"error": "the mail server hung up after the message"}),
        ({"reader_id": ada.id}, "skipped", {"error": "there is no edition newer than that of 2026-05-16, which was sent"}),
        ({"reader_id": ben.id}, "sent", {"kind": "week", "error": "delayed 4.4.1 connection timed out", "attempts": 2}),
        ({"subscriber_id": reader.id}, "sent", {"kind": "quiet"}),
        ({"reader_id": ada.id}, "handed", {}),
        ({"reader_id": ben.id}, "suppressed", {"error": f"bounce: {gone}"}),
        ({"reader_id": owner.id}, "claimed", {}),
    ]
    for number, (whose, status, facts) in enumerate(ended):
        day = NOW - timedelta(days=11 - number)
        session.add(DigestRow(**({"day": day.date(), "status": status, "claimed_at": day, "attempts": 1} | whose | facts)))
    suppressions.add(session, "ben@example.org", "bounce", now=NOW - timedelta(days=1), detail=gone)
    suppressions.add(session, "somebody@example.net", "complaint", now=NOW - timedelta(days=1))


def _live(
    session: Session,
    owner: readers.Reader,
    friends: tuple[readers.Reader, ...],
    hard: dict[str, Paper],
    plain: list[Paper],
) -> tuple[dict[str, int], dict[str, str]]:
    ada, ben = friends
    earlier = NOW - timedelta(hours=3)
    robots = interests.create(session, owner.id, "Robots 🤖", now=earlier)
    empty = interests.create(session, owner.id, "Graphs & speech", now=earlier)
    robotic = [paper for paper in plain if paper.categories == ("cs.RO",)]
    gestures = [
        *((owner, paper.id, EventKind.UPVOTE, robots.id) for paper in robotic[:3]),
        *((owner, paper.id, EventKind.UPVOTE, 0) for paper in (plain[0], hard["maths"])),
        (owner, plain[2].id, EventKind.DOWNVOTE, 0),
        (owner, plain[3].id, EventKind.HIDE, 0),
        *((owner, paper.id, EventKind.SAVE, 0) for paper in (plain[1], hard["maths"], hard["arabic"], hard["long"])),
        *((reader, hard["maths"].id, EventKind.UPVOTE, 0) for reader in friends),
    ]
    for reader, paper_id, kind, interest in gestures:
        events.append(session, reader.id, paper_id, kind, at=earlier, interest=interest)
    rule = rules.add(session, owner.id, "must", "author", plain[8].authors[0], now=earlier)
    rules.add(session, owner.id, "never", "phrase", "waveform pitch", now=earlier)
    first = comments.add(session, hard["maths"].id, ada.id, "See https://example.org/(x).\n\nIs $n$ even?", now=earlier)
    reply = comments.add(session, hard["maths"].id, owner.id, "It is.", now=NOW - timedelta(minutes=1), parent_id=first.id)
    third = comments.add(session, hard["maths"].id, ben.id, "شكرا 🎉 " + "y" * 300, now=NOW, parent_id=reply.id)
    comments.report(session, third.id, ada.id, "Too many letters", now=NOW)
    submissions.record(session, plain[4].id, ben.id, now=earlier)
    for reader in (ada, owner):
        accounts.set_curator(session, reader.id, is_curator=True)
    curators.pick(session, plain[5].id, ada.id, "Worth an hour", now=earlier)
    collection = shelf.create(session, owner.id, "To read <soon>", now=earlier)
    for name in ("maths", "long"):
        shelf.collect(session, collection, hard[name].id, now=earlier)
    shared = shelf.create(session, owner.id, "Shared", now=earlier)
    shelf.collect(session, shared, hard["maths"].id, now=earlier)
    shelf.set_public(session, shared, public=True)
    shelf.write_note(session, owner.id, hard["maths"].id, "Read again\nbefore Friday", now=earlier)
    secret = invitations.make(session, owner.id, now=NOW, note="for a colleague")
    key = keys.make(session, owner.id, "feed", now=earlier, label="Reader on the phone", interest=robots.id)
    keys.make_secret(session, owner.id, now=earlier, label="a script")
    _post(session, owner, friends)
    runs.source_said(session, "arxiv", now=NOW, papers=len(plain))
    runs.source_failed(session, "huggingface", now=NOW, error="it answered <b>503</b>.", retry_at=NOW + timedelta(hours=1))
    numbers = {"robots": robots.id, "rule": rule.id, "comment": first.id, "own": reply.id, "key": key.id, "shared": shared.id}
    words = {
        "interest": robots.slug,
        "empty": empty.slug,
        "group": collection.slug,
        "invitation": secret,
    }
    return numbers, words
