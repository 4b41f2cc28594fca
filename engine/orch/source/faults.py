"""What a document is refused for: collects the problems while it is read, and finds the words for each."""

from __future__ import annotations

from typing import Any, NoReturn

from orch.problems.problem import Problem
from orch.source import syntax
from orch.source.aliases import Anchors
from orch.source.events import AliasEvent, Event, ScalarEvent, YAMLError, place
from orch.source.limits import MAX_DEPTH, MAX_EXPANDED, MAX_PROBLEMS
from orch.source.lines import Lines
from orch.source.marks import Marks
from orch.source.text import FORBIDDEN, unseen_name

Frame = tuple[dict[Any, Any] | None, list[Any] | None, Any]  # the mapping or sequence around, and its waiting key


class Stop(Exception):
    """Reading on would be dangerous or would tell nothing new."""


class Faults:
    """The problems of one document so far."""

    def __init__(self, path: str, text: str, begin: str) -> None:
        self._text, self._begin = text, begin
        self._lines = Lines(path, text)
        self._problems: list[Problem] = []
        self._repeated: list[tuple[Event, str]] = []
        self._anchors = Anchors()

    def in_order(self) -> list[Problem]:
        """All problems in the order of the text, with the first place of each repeated key."""
        problems = self._problems + self._repetitions()
        return sorted(problems, key=lambda problem: (problem.at.line, problem.at.column) if problem.at else (0, 0))

    def syntax(self, error: YAMLError) -> None:
        self._problems.append(syntax.problem(error, self._lines))

    def unseen(self, event: ScalarEvent, value: str) -> None:
        found = FORBIDDEN.search(value)
        name = unseen_name(found.group()) if found else "?"
        message = f"the escape for the character {name} is refused"
        self._add("O003", event, message, "write the value without it")

    def properties(self, event: Any, value: Any, stack: list[Frame], key: Any) -> None:
        """A tag, or an anchor on `value`, whose waiting key is `key`."""
        if event.tag is not None:
            self._add("O008", event, "tags are not part of the language", "leave the tag out; quote the value: 'x'")
        if event.anchor is None:
            return
        top = stack[1][2] if len(stack) > 1 else key
        if not (stack and isinstance(top, str) and top.startswith("x-")):
            hint = "define it below a top-level key such as `x-shared:`, and use it with `*name`"
            self._add("O009", event, f"the anchor `&{event.anchor}` stands outside an `x-` key", hint)
        elif event.anchor in self._anchors.values:
            self._add("O009", event, f"the anchor `&{event.anchor}` is defined twice", "give each its own name")
        self._anchors.values.setdefault(event.anchor, value)

    def expand(
        self, event: AliasEvent, stack: list[Frame], mapping: dict[Any, Any] | None, sequence: list[Any] | None
    ) -> Any:
        """The value that an alias stands for."""
        anchors, name = self._anchors, event.anchor
        if name not in anchors.values:
            self._add("O009", event, f"no anchor `&{name}` before this alias", "quote the value if `*` is a part of it")
            return None
        value = anchors.values[name]
        if isinstance(value, dict | list) and any(
            value is around for frame in (*stack, (mapping, sequence, None)) for around in frame[:2]
        ):
            self._stop("O009", event, f"the anchor `&{name}` contains itself", "take the alias out of its own anchor")
        size, height = anchors.measure(value)
        anchors.expanded += size
        if anchors.expanded > MAX_EXPANDED:
            message = f"the aliases expand to more than {MAX_EXPANDED} values"
            self._stop("O011", event, message, "let one alias stand where many do, or use a matrix")
        if len(stack) + height > MAX_DEPTH:
            self.too_deep(event)
        return value

    def key(self, event: Event, value: Any, mapping: dict[Any, Any]) -> Any:
        """The key to read on with, after reporting what is wrong with it."""
        if isinstance(event, AliasEvent):
            self._add("O015", event, "an alias is used as a key", "write the key out")
        elif not isinstance(value, str):
            word = "null" if value is None else "a boolean" if isinstance(value, bool) else "a number"
            written = event.value if isinstance(event, ScalarEvent) else ""
            message = f"the key `{written}` is {word}, not text" if written else "a key is missing before the `:`"
            self._add("O015", event, message, f'quote it: "{written or "name"}"')
        elif value == "<<" and isinstance(event, ScalarEvent) and event.implicit[0]:
            self._add(
                "O010", event, "merge keys are not part of the language", "write the keys out, or use `defaults:`"
            )
        elif value in mapping:
            self._repeated.append((event, value))
            self._count()
        return value if isinstance(value, str) else event  # like no other key

    def collection_key(self, event: Event) -> NoReturn:
        hint = 'quote it: "{…}"; an expression is written "${{ … }}"'
        self._stop("O015", event, "a list or a mapping is used as a key", hint)

    def too_deep(self, event: Event) -> NoReturn:
        self._problems.append(syntax.too_deep(self._lines.span(place(event))))
        raise Stop

    def document(self, event: Any, count: int) -> None:
        if event.tags:
            self._add("O008", event, "tags are not part of the language", "leave the line `%TAG` out")
        if count > 1:
            self._stop("O012", event, "a second document begins here", "put it into a file of its own")

    def top_level(self, root: Any) -> None:
        """The document is no mapping; where that comes of something reported already, nothing is added."""
        if self._problems:
            return
        at = Marks(self._text).find((), key=False)
        if root is None:
            problem = Problem("O013", "the file holds no document", self._lines.span(at), self._begin)
        else:
            found = "a list" if isinstance(root, list) else "a single value"
            problem = Problem("O014", f"the document is {found}, not a mapping", self._lines.span(at), self._begin)
        self._problems.append(problem)

    def _repetitions(self) -> list[Problem]:
        if not self._repeated:
            return []
        first_lines = Marks(self._text).first_lines
        problems = []
        for event, key in self._repeated:
            at = place(event)
            first = first_lines.get(at[:2])
            label = f"first on line {first}" if first else None
            message, hint = f"the key `{key}` is written twice", "remove one of the two, or rename it"
            problems.append(Problem("O007", message, self._lines.span(at), hint, label))
        return problems

    def _add(self, code: str, event: Event, message: str, hint: str) -> None:
        self._problems.append(Problem(code, message, self._lines.span(place(event)), hint))
        self._count()

    def _count(self) -> None:
        if len(self._problems) + len(self._repeated) >= MAX_PROBLEMS:
            raise Stop

    def _stop(self, code: str, event: Event, message: str, hint: str) -> NoReturn:
        self._add(code, event, message, hint)
        raise Stop
