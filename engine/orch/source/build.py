"""Parser events → plain data, without places: the way that every run takes. What is refused is refused here."""

from __future__ import annotations

from typing import Any

from orch.problems.problem import OrchError
from orch.source.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    YAMLError,
    collector_off,
    events,
)
from orch.source.faults import Faults, Frame, Stop
from orch.source.limits import MAX_DEPTH
from orch.source.scalars import NUMERIC, WORDS, plain
from orch.source.text import FORBIDDEN


def build(text: str, path: str, begin: str) -> dict[str, Any]:
    """The mapping that `text` holds; `begin` tells how one begins. Raises OrchError with all that is wrong with it,
    in the order of the text."""
    faults = Faults(path, text, begin)
    data = None
    try:
        with collector_off():
            data = _read(text, faults)
    except YAMLError as error:
        faults.syntax(error)
    except Stop:
        pass
    problems = faults.in_order()
    if problems or data is None:
        raise OrchError(problems)
    return data


def _read(text: str, faults: Faults) -> dict[str, Any] | None:
    # One loop with local names, since it runs once for each of 100,000 events. Of `mapping` and `sequence` the one
    # that is being filled is set; `key` waits for its value, and is None where a key comes next.
    root: Any = None
    documents = 0
    stack: list[Frame] = []
    mapping: dict[Any, Any] | None = None
    sequence: list[Any] | None = None
    key: Any = None
    value: Any
    event: Any
    for event in events(text):
        kind = event.__class__
        if kind is ScalarEvent:
            value = event.value
            if event.implicit[0]:
                if value in WORDS:
                    value = WORDS[value]
                elif value[0] in NUMERIC:
                    value = plain(value)
            elif not value.isprintable() and FORBIDDEN.search(value):
                faults.unseen(event, value)
            if event.anchor is not None or event.tag is not None:
                faults.properties(event, value, stack, key)
        elif kind is MappingEndEvent or kind is SequenceEndEvent:
            mapping, sequence, _ = stack.pop()
            key = None
            continue
        elif kind is MappingStartEvent or kind is SequenceStartEvent:
            value = {} if kind is MappingStartEvent else []
            if event.anchor is not None or event.tag is not None:
                faults.properties(event, value, stack, key)
            if mapping is not None:
                if key is None:
                    faults.collection_key(event)
                mapping[key] = value
            elif sequence is not None:
                sequence.append(value)
            else:
                root = value
            stack.append((mapping, sequence, key))
            if len(stack) > MAX_DEPTH:
                faults.too_deep(event)
            if kind is MappingStartEvent:
                mapping, sequence, key = value, None, None
            else:
                mapping, sequence = None, value
            continue
        elif kind is AliasEvent:
            value = faults.expand(event, stack, mapping, sequence)
            if mapping is not None and key is None:
                key = faults.key(event, value, mapping)
                continue
        elif kind is DocumentStartEvent:
            documents += 1
            faults.document(event, documents)
            continue
        else:
            continue
        if mapping is None:
            if sequence is not None:
                sequence.append(value)
            else:
                root = value
        elif key is not None:
            mapping[key] = value
            key = None
        elif value.__class__ is str and value not in mapping and value != "<<":
            key = value
        else:
            key = faults.key(event, value, mapping)
    if not isinstance(root, dict):
        faults.top_level(root)
        return None
    return root
