"""Jinja2's syntax tree to ours: what the language has is converted, everything else is refused."""

from __future__ import annotations

from jinja2 import nodes

from orch.spec.expressions.error import ExpressionError
from orch.spec.expressions.syntax import COMPUTE, Source, too_deep
from orch.spec.expressions.tree import FILTERS, MAX_DEPTH, Tree
from orch.spec.expressions.wording import names_text, nearest

_OPERATORS = {"eq": "==", "ne": "!=", "lt": "<", "lteq": "<=", "gt": ">", "gteq": ">="}

# What it is called, the token that shows where it is, and what to do if that is not the usual.
_REFUSED: dict[type[nodes.Node], tuple[str, str, str]] = {
    nodes.Call: ("a call", "(", COMPUTE),
    nodes.Add: ("arithmetic", "+", COMPUTE),
    nodes.Sub: ("arithmetic", "-", COMPUTE),
    nodes.Mul: ("arithmetic", "*", COMPUTE),
    nodes.Div: ("arithmetic", "/", COMPUTE),
    nodes.FloorDiv: ("arithmetic", "//", COMPUTE),
    nodes.Mod: ("arithmetic", "%", COMPUTE),
    nodes.Pow: ("arithmetic", "**", COMPUTE),
    nodes.Neg: ("arithmetic", "-", COMPUTE),
    nodes.Pos: ("arithmetic", "+", COMPUTE),
    nodes.Concat: ("joining with `~`", "~", "write the parts side by side in a text: `${{ a }}${{ b }}`"),
    nodes.CondExpr: ("a choice with `if`", "if", COMPUTE),
    nodes.Test: ("a test with `is`", "is", "compare with `==`, or use `| default(…)` for what may be missing"),
    nodes.Dict: ("an object", "{", COMPUTE),
    nodes.Tuple: ("a tuple", ",", "write a list: [a, b]"),
    nodes.Slice: ("a slice", ":", COMPUTE),
}


def convert(node: nodes.Expr, source: Source) -> Tree:
    """Our tree of the expression. Raises ExpressionError with the place of what is not in the language."""
    return _Conversion(source).tree(node, 1)


class _Conversion:
    def __init__(self, source: Source) -> None:
        self.source = source

    def tree(self, node: nodes.Node, depth: int) -> Tree:
        if depth > MAX_DEPTH:
            raise too_deep(self.source, node.lineno)
        match node:
            case nodes.Const():
                return ["const", node.value]
            case nodes.Neg(node=nodes.Const(value=int() | float() as value)) if not isinstance(value, bool):
                return ["const", -value]
            case nodes.Name(name="null"):
                return ["const", None]
            case nodes.Name() | nodes.Getattr() | nodes.Getitem():
                return self.path(node, depth)
            case nodes.Not():
                return ["not", self.tree(node.node, depth + 1)]
            case nodes.And() | nodes.Or():
                word = "and" if isinstance(node, nodes.And) else "or"
                return [word, *(self.tree(operand, depth + 1) for operand in _operands(node))]
            case nodes.Compare():
                return self.comparison(node, depth)
            case nodes.List():
                return ["list", *(self.tree(item, depth + 1) for item in node.items)]
            case nodes.Filter():
                return self.filter(node, depth)
        raise self.refusal(node)

    def path(self, node: nodes.Node, depth: int) -> Tree:
        parts: list[str | int | Tree] = []
        end = node.lineno
        while isinstance(node, nodes.Getattr | nodes.Getitem):
            parts.append(node.attr if isinstance(node, nodes.Getattr) else self.index(node.arg, depth))
            node, end = node.node, node.lineno
        parts.reverse()
        match node:
            case nodes.Name(name=root) if root != "null":
                return ["get", root, parts]
            case nodes.Filter():
                return ["get", self.tree(node, depth + 1), parts]
            case nodes.Const() | nodes.List() | nodes.Name():
                raise self.source.error("a constant has no keys", end, COMPUTE, "O251")
        self.tree(node, depth + 1)
        raise self.source.error("only a path or the result of a filter has keys", end, COMPUTE, "O251")

    def index(self, node: nodes.Expr, depth: int) -> str | int | Tree:
        tree = self.tree(node, depth + 1)
        if tree[0] != "const":
            return tree
        value = tree[1]
        if isinstance(value, str) or (type(value) is int and value >= 0):
            return value
        hint = "use `| last` for the last item" if type(value) is int else None
        raise self.source.error("an index is a string, or a number from 0", node.lineno, hint, "O251")

    def comparison(self, node: nodes.Compare, depth: int) -> Tree:
        left = self.tree(node.expr, depth + 1)
        if len(node.ops) > 1:
            hint = "write `a < b and b < c`"
            raise ExpressionError("a chain of comparisons", 0, len(self.source.text), hint, "O251")
        right = self.tree(node.ops[0].expr, depth + 1)
        match node.ops[0].op:
            case "in":
                return ["in", left, right]
            case "notin":
                return ["not", ["in", left, right]]
            case operator:
                return ["cmp", _OPERATORS[operator], left, right]

    def filter(self, node: nodes.Filter, depth: int) -> Tree:
        name = node.name
        if name not in FILTERS or node.node is None:
            near = nearest(name, FILTERS)
            hint = f"did you mean `{near}`?" if near else f"there are {names_text(FILTERS)}; else {COMPUTE}"
            known, dot, key = name.partition(".")
            if dot and known in FILTERS:
                hint = f"set brackets: `(… | {known}).{key[:48]}`"
            raise self.source.error(f"unknown filter `{name[:48]}`", node.lineno, hint, "O252")
        operand = self.tree(node.node, depth + 1)
        least, most = FILTERS[name]
        if node.kwargs or node.dyn_args or node.dyn_kwargs or not least <= len(node.args) <= most:
            takes = "no arguments" if not most else "one argument" if least else "at most one argument"
            raise self.source.error(f"`{name}` takes {takes}, without a name", node.lineno, None, "O252")
        return ["filter", name, operand, [self.tree(argument, depth + 1) for argument in node.args]]

    def refusal(self, node: nodes.Node) -> ExpressionError:
        called, token, hint = _REFUSED.get(type(node), ("this", "", COMPUTE))
        offset = self.source.first(token, node.lineno)
        return self.source.error(f"{called} is not part of the language of expressions", offset, hint, "O251")


def _operands(node: nodes.And | nodes.Or) -> list[nodes.Expr]:
    """`a or b or c` is nested to the left as deep as it is long."""
    kind, found = type(node), []
    current: nodes.Expr = node
    while isinstance(current, kind):
        found.append(current.right)
        current = current.left
    return [current, *reversed(found)]
