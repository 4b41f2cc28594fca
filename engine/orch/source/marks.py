"""A second, slower reading of a text that keeps the places: made only when a problem has to be shown."""

from __future__ import annotations

from contextlib import suppress

from orch.source.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    YAMLError,
    collector_off,
    events,
    place,
)
from orch.source.limits import MAX_DEPTH
from orch.source.lines import Place


class Node:
    """A value's place, and the nodes that it holds: by key (beside the key's own place) or by index."""

    __slots__ = ("is_mapping", "key", "key_places", "place", "values")

    def __init__(self, at: Place, *, is_mapping: bool = False) -> None:
        self.place = at
        self.is_mapping = is_mapping
        self.key: str | None = None  # read, and waiting for its value
        self.key_places: dict[str | int, Place] = {}
        self.values: dict[str | int, Node] = {}

    def add(self, value: Node) -> None:
        step: str | int = len(self.values) if self.key is None else self.key
        self.values.setdefault(step, value)
        self.key = None


class Marks:
    """The places in one text, and for each repeated key (by its line and column) the line of the first."""

    def __init__(self, text: str) -> None:
        self.first_lines: dict[tuple[int, int], int] = {}
        self._top = Node((0, 0, 0, 0))
        self._anchors: dict[str, Node] = {}
        with (
            collector_off(),
            suppress(YAMLError),
        ):  # the first reading reports it; what was read until here says where the rest is
            self._read(text)

    def find(self, route: tuple[str | int, ...], *, key: bool) -> Place:
        """The place of the value at `route`, or of its key; where there is none, of the nearest parent that is."""
        node, at_key = self._top.values.get(0, self._top), None
        for step in route:
            if step not in node.values:
                break
            at_key = node.key_places.get(step)
            node = node.values[step]
        return at_key if key and at_key else node.place

    def _read(self, text: str) -> None:
        open_nodes = [self._top]
        for event in events(text):
            parent = open_nodes[-1]
            if isinstance(event, NodeEvent):
                starts = isinstance(event, CollectionStartEvent)
                if parent.is_mapping and parent.key is None:
                    if starts:
                        return  # a collection as a key ends the first reading too
                    self._key(parent, event)
                    continue
                node = self._node(event)
                parent.add(node)
                if starts:
                    open_nodes.append(node)
            elif isinstance(event, CollectionEndEvent):
                node = open_nodes.pop()
                node.place = _whole(node, place(event))
            if len(open_nodes) > MAX_DEPTH + 1 or (isinstance(event, DocumentStartEvent) and self._top.values):
                return

    def _key(self, parent: Node, event: NodeEvent) -> None:
        key = event.value if isinstance(event, ScalarEvent) else f"*{event.anchor}"
        at = place(event)
        first = parent.key_places.setdefault(key, at)
        if first is not at:
            self.first_lines[at[:2]] = first[0] + 1
        parent.key = key

    def _node(self, event: NodeEvent) -> Node:
        at = place(event)
        if isinstance(event, ScalarEvent) and event.style in ("|", ">"):
            at = (at[0], at[1], at[0], at[1] + 1)
        node = Node(at, is_mapping=isinstance(event, MappingStartEvent))
        if isinstance(event, AliasEvent):
            anchored = self._anchors.get(event.anchor or "")
            if anchored is not None:  # what lies below an alias is shown where it is written
                node.values, node.key_places = anchored.values, anchored.key_places
        elif event.anchor is not None:
            self._anchors[event.anchor] = node
        return node


def _whole(node: Node, end: Place) -> Place:
    """The place of a collection: in flow style from bracket to bracket; in block style its first entry, because the
    mark at its end is that of whatever follows."""
    line, column = node.place[:2]
    if end[:2] != end[2:] or not node.values:
        return line, column, end[2], end[3]
    step, first = next(iter(node.values.items()))
    for entry in (first.place, node.key_places.get(step)):
        if entry is not None and entry[0] == line:
            return line, column, entry[2], entry[3]
    return node.place
