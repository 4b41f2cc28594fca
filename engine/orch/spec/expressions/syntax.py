"""One expression through Jinja2's lexer and parser: its syntax tree, with character offsets where line numbers were."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.lexer import TOKEN_EOF, Token, TokenStream
from jinja2.parser import Parser

from orch.spec.expressions.error import ExpressionError
from orch.spec.expressions.tree import MAX_DEPTH

COMPUTE = "compute it in a node and read its output"

_NUMBER = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?")
_WRONG_ESCAPE = re.compile(r"(?:[^\\]|\\[\\'\"nt])*+(\\)", re.DOTALL)
_SLIPS = {
    "&&": "write `and`",
    "||": "write `or`",
    "!": "write `not`",
    "=": "write `==`",
    "?": "there is no `? :`; " + COMPUTE,
    "%": COMPUTE,
    "{": COMPUTE,
}


@dataclass(frozen=True, slots=True)
class Source:
    """A text and the tokens in it, by offset."""

    text: str
    tokens: dict[int, str]

    def error(self, message: str, offset: int, hint: str | None, code: str) -> ExpressionError:
        """A refusal of the token at the offset."""
        return ExpressionError(message, offset, len(self.tokens.get(offset, "?")), hint, code)

    def unexpected(self, offset: int) -> ExpressionError:
        """What stands at the offset cannot stand there."""
        if offset >= len(self.text.rstrip()):
            last = len(self.text.rstrip()) - 1
            message = "the expression is empty" if last < 0 else "the expression ends too early"
            return ExpressionError(message, max(last, 0), 1, None, "O250")
        found = self.tokens.get(offset, self.text[offset])
        if self.text.startswith("${{", offset):
            return ExpressionError("`${{` inside an expression", offset, 3, "one level of `${{ }}` is enough", "O254")
        if self.text[max(offset - 1, 0) : offset + 1] == "||":
            offset, found = offset - 1, "||"
        slip = next((hint for text, hint in _SLIPS.items() if self.text.startswith(text, offset)), None)
        if found in {"'", '"'}:
            return ExpressionError("this string is never closed", offset, 1, f"close it with {found}", "O250")
        return ExpressionError(f"unexpected `{found[:40]}`", offset, len(found), slip, "O250")

    def first(self, raw: str, after: int) -> int:
        """Where a token is next found; `after` where it is not."""
        return next((offset for offset, token in self.tokens.items() if offset >= after and token == raw), after)


def read(text: str) -> tuple[nodes.Expr, Source]:
    """The syntax tree of an expression; `lineno` of its nodes is an offset in the text. Raises ExpressionError."""
    source = Source(text, {})
    if (place := text.find("\r")) >= 0:
        raise source.error("a carriage return in an expression", place, "write a space", "O250")
    tokens = list(_tokens(source))
    # The parser reads nothing by itself: it is given our tokens, which know where they stand.
    parser = Parser(_environment(), "", state="variable")
    parser.stream = TokenStream(iter(tokens), None, None)
    try:
        node = parser.parse_expression()
    except TemplateSyntaxError as error:
        raise source.unexpected(error.lineno) from None
    except RecursionError:
        raise too_deep(source, 0) from None
    if parser.stream.current.type != TOKEN_EOF:
        raise source.unexpected(parser.stream.current.lineno)
    return node, source


def too_deep(source: Source, offset: int) -> ExpressionError:
    """The refusal of an expression with too many levels."""
    return source.error(f"this expression is nested deeper than {MAX_DEPTH} levels", offset, COMPUTE, "O255")


@cache
def _environment() -> Environment:
    return Environment()


def _tokens(source: Source) -> Iterator[Token]:
    lexer = _environment().lexer
    try:
        yield from lexer.wrap(_placed(source))
    except TemplateSyntaxError as error:
        raise source.unexpected(error.lineno) from None
    yield Token(len(source.text), TOKEN_EOF, "")


def _placed(source: Source) -> Iterator[tuple[int, str, str]]:
    """Jinja2's raw tokens, spaces included, with an offset in place of the line number."""
    offset, depth, before = 0, 0, ""
    try:
        for _, kind, raw in _environment().lexer.tokeniter(source.text, None, state="variable"):
            source.tokens[offset] = raw
            if kind == "variable_end":
                raise source.unexpected(offset)
            if kind == "string":
                _check_string(source, offset, raw, before)
            elif kind in {"integer", "float"} and not _NUMBER.fullmatch(raw):
                hint = "write it in plain decimals, with at most 18 digits on each side of the point"
                raise source.error(f"`{raw[:40]}` is not a plain number", offset, hint, "O250")
            depth += (raw in "([{") - (raw in ")]}") if kind == "operator" else 0
            if depth > MAX_DEPTH:
                raise too_deep(source, offset)
            yield offset, kind, raw
            offset += len(raw)
            before = before if kind == "whitespace" else kind
    except TemplateSyntaxError:
        raise source.unexpected(offset) from None


def _check_string(source: Source, offset: int, raw: str, before: str) -> None:
    if before == "string":
        raise source.error("two strings side by side", offset, "is there a comma missing?", "O250")
    if escape := _WRONG_ESCAPE.match(raw):
        hint = "a string knows \\\\ \\' \\\" \\n \\t; a backslash is written \\\\"
        raise ExpressionError("unknown escape in a string", offset + escape.start(1), 2, hint, "O250")
