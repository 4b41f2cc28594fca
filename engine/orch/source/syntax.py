"""What the parser's errors mean, and what to write instead."""

from __future__ import annotations

from orch.problems.problem import Problem, Span
from orch.source.events import MarkedYAMLError, YAMLError
from orch.source.limits import MAX_DEPTH
from orch.source.lines import Lines

_COLON = "a `: ` inside a value needs quotes around the value; and keys of one mapping start in the same column"
_QUOTE = "quote the value"
_EXPRESSION = 'inside `{ }` and `[ ]` an expression needs quotes: "${{ … }}"'

# A part of the parser's words, our words, the hint; the first that fits is taken.
_MEANINGS = (
    ("mapping values are not allowed", "a `:` stands where no key can be", _COLON),
    (
        "block sequence entries are not allowed",
        "a `- ` item stands where no list can begin",
        "begin it on a line below",
    ),
    ("expected ',' or ']'", "a list is not closed, or a `,` is missing", "close it with `]`"),
    ("expected ',' or '}'", "a mapping is not closed, or a `,` is missing", "close it with `}`"),
    ("expected '-' indicator", "a list goes on without `- `", "begin each item with `- `, in the same column"),
    ("did not find expected key", "this is not a key of the mapping around it", _COLON),
    ("could not find expected ':'", "a key has no `:` after it", "write `key: value`"),
    ("did not find expected node content", "a value is missing here", f"write the value, or {_QUOTE} that is meant"),
    ("did not find expected alphabetic or numeric", "`*` and `&` begin an alias or an anchor", f"{_QUOTE}: '*.py'"),
    ("unknown escape character", "no such escape in a double-quoted string", "write `\\\\`, or use single quotes"),
    ("hexdecimal number", "an escape has too few digits", "write `\\x41`, `\\u0041` or `\\U00000041`"),
    ("unexpected document indicator", "a quoted string is not closed", "close it before the line `---` or `...`"),
    ("unexpected end of stream", "a quoted string is not closed", "close it with the quote that it begins with"),
    ("<document start>", "the document has ended, and text follows", "write one document in a file, as one mapping"),
    ("undefined tag handle", "tags are not part of the language", "leave the tag out"),
    ("while scanning a block scalar", "a block does not begin like this", "write `|` or `>`, and the text below it"),
    ("while scanning a tag", "tags are not part of the language", "leave the tag out"),
    ("YAML document", "this version of YAML is not known", "leave the line `%YAML` out"),
    ("while scanning a directive", "directives are not part of the language", "leave the line out"),
)
# The parser notices these at the end; the person wants to see the beginning.
_FROM_THE_START = ("end of stream", "document indicator", "could not find expected ':'")


_TOO_DEEP = "maximum nesting depth"  # libyaml 0.2.6 counts brackets before any event of theirs is seen


def too_deep(at: Span) -> Problem:
    """More levels than any document of the language has."""
    message = f"nested more than {MAX_DEPTH} levels deep"
    return Problem("O006", message, at, "write it flatter: the language needs about fifteen levels")


def problem(error: YAMLError, lines: Lines) -> Problem:
    """The parser's error in words of the language, with its place."""
    if not isinstance(error, MarkedYAMLError) or error.problem is None:
        return Problem("O005", f"not YAML: {error}", lines.span((0, 0, 0, 1)))
    said, context = error.problem, error.context or ""
    start = error.context_mark
    mark = error.problem_mark or start
    if start is not None and any(part in said for part in _FROM_THE_START):
        mark = start
    line, column = (mark.line, mark.column) if mark is not None else (0, 0)
    at = lines.span((line, column, line, column + 1))
    if _TOO_DEEP in said:
        return too_deep(at)
    here = at.source_line[at.column - 1 : at.column]
    message, hint = _meaning(said, context, here, at.source_line)
    label = None
    if start is not None and start.line < line and context.startswith("while parsing a flow"):
        label = f"it begins on line {start.line + 1}"
    return Problem("O005", message, at, hint, label)


def _meaning(said: str, context: str, here: str, line: str) -> tuple[str, str]:
    if "tab character" in said or here == "\t":
        return "a tab is used as indentation", "indent with spaces: YAML does not allow tabs there"
    if "cannot start any token" in said:
        return f"a value cannot begin with `{here}`", f"{_QUOTE}: '{here}…'"
    for part, message, hint in _MEANINGS:
        if part in said or part in context:
            expression = "${{" in line and "flow" in context
            return message, _EXPRESSION if expression else hint
    return f"not YAML: {context + ', ' if context else ''}{said}", "check quotes, brackets and indentation"
