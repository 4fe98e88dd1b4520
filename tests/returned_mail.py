"""The name of a mail server and a digest's id in, the message that came back out: reports in the words that mail servers use."""

from __future__ import annotations

from pathlib import Path

__all__ = ["OURS", "bounce", "report"]

OURS = "<digest-2026-05-20-r1-IMNcYf3ivmCqrxtcXe_y@papers.example.org>"
FOLDER = Path(__file__).parent / "data" / "reports"


def report(name: str, *, to: str = "ada@example.org", about: str = OURS) -> bytes:
    """Return what a mail server of that name writes about a digest that went to an address."""
    text = (FOLDER / f"{name}.eml").read_text(encoding="utf-8")
    return text.replace("@TO@", to).replace("@ID@", about).encode()


def bounce(*fields: str, about: str = OURS, head: str = "Content-Type: multipart/report; boundary=b") -> bytes:
    """Return the shortest report there can be, with these lines about its recipient."""
    parts = (
        "message/delivery-status\n\nReporting-MTA: dns; mx\n\n" + "\n".join(fields),
        f"text/rfc822-headers\n\nMessage-ID: {about}",
    )
    return (f"{head}\n\n" + "".join(f"--b\nContent-Type: {part}\n" for part in parts) + "--b--\n").encode()
