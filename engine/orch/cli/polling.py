"""Asks how a run stands, once or until it ends."""

from __future__ import annotations

import sys
import time
from typing import Any

from orch.app.records import poll
from orch.cli.session import Session, put

_LOOK_SECONDS = 0.2
_WATCH_SECONDS = 0.5


def poll_once(session: Session, run: str, since: int | None, wait: float | None, *, as_json: bool) -> None:
    """One document; with `wait` as soon as there is a record after `since` (or after now), or the time is over."""
    document = poll(session.context, run, since)
    if wait is not None:
        steady = session.context.clock.steady
        until, seen, stood = steady() + wait, since if since is not None else document["cursor"], _standing(document)
        while document["cursor"] == seen and _goes_on(document) and (left := until - steady()) > 0:
            time.sleep(min(_LOOK_SECONDS, left))
            document = poll(session.context, run, since)
            if _standing(document) != stood:
                break
    _put(session, document, as_json=as_json, since=since)


def watch_run(session: Session, run: str, since: int | None, *, as_json: bool) -> None:
    """A document whenever something has changed, each with what changed only, until nothing goes on."""
    document = poll(session.context, run, since)
    while True:
        _put(session, document, as_json=as_json, since=since)
        sys.stdout.flush()
        if not _goes_on(document):
            return
        since, stood = document["cursor"], _standing(document)
        while True:
            time.sleep(_WATCH_SECONDS)
            document = poll(session.context, run, since)
            if document["cursor"] != since or _standing(document) != stood:
                break


def _standing(document: dict[str, Any]) -> tuple[str, str | None]:
    return document["status"], document.get("status_detail")


def _goes_on(document: dict[str, Any]) -> bool:
    return bool(document["status"] in ("running", "queued"))


def _put(session: Session, document: dict[str, Any], *, as_json: bool, since: int | None) -> None:
    from orch.render.poll_text import poll_json, poll_text

    put(poll_json(document) if as_json else poll_text(document, session.out, all_steps=since is None))
