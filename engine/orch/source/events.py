"""The only importer of PyYAML: the events of its C parser."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import yaml
from yaml.error import Mark, MarkedYAMLError, YAMLError
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from orch.problems.problem import Exit, OrchError, Problem
from orch.source.lines import Place

__all__ = [
    "AliasEvent",
    "CollectionEndEvent",
    "CollectionStartEvent",
    "DocumentStartEvent",
    "Event",
    "MappingEndEvent",
    "MappingStartEvent",
    "Mark",
    "MarkedYAMLError",
    "NodeEvent",
    "ScalarEvent",
    "SequenceEndEvent",
    "SequenceStartEvent",
    "YAMLError",
    "collector_off",
    "events",
    "place",
]


def events(text: str, library: Any = yaml) -> Iterator[Event]:
    """The events of `text`. `library` is PyYAML; built without libyaml it has no C loader, and the other one is far
    slower and fails with errors of its own on deep or odd input, so it is never used."""
    loader = getattr(library, "CSafeLoader", None)
    if loader is None:
        hint = "install a build that has it: python -m pip install --force-reinstall --only-binary :all: pyyaml"
        raise OrchError(Problem("O016", "PyYAML is installed without its C parser", hint=hint), Exit.IO)
    return iter(loader(text).get_event, None)


def place(event: Event) -> Place:
    """Where an event stands."""
    start: Any = event.start_mark
    end: Any = event.end_mark
    return start.line, start.column, end.line, end.column


@contextmanager
def collector_off() -> Iterator[None]:
    """A hundred thousand new objects with no garbage among them: looking for it would double the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
