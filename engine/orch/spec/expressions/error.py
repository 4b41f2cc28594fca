"""The refusal of an expression's text: what is wrong, and where in that text."""

from __future__ import annotations


class ExpressionError(Exception):
    """`offset` and `length` count characters of the text that was given; `code` is a key of the catalogue of errors."""

    __slots__ = ("code", "hint", "length", "message", "offset")

    def __init__(self, message: str, offset: int, length: int, hint: str | None, code: str) -> None:
        self.message, self.offset, self.length, self.hint, self.code = message, offset, length, hint, code
        super().__init__(message)

    def shifted(self, by: int) -> ExpressionError:
        """The same refusal, in a text that has `by` characters more in front."""
        return ExpressionError(self.message, self.offset + by, self.length, self.hint, self.code)
