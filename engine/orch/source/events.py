"""The only importer of PyYAML: the events of its C parser."""

from __future__ import annotations

from collections.abc import Iterator
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
