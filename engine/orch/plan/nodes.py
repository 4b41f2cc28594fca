"""Node → step: defaults filled in, keys that hold their default left out, matrices expanded. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from orch.model.plan import CacheDoc, RetryDoc
from orch.spec.matrix import expand
from orch.spec.node import PLAIN_KEYS, SETUP, BodyNode, Cache, Node, Retry, Work
from orch.spec.pipeline import Defaults


class Expansion(NamedTuple):
    """A matrix: the parent's address, and each child's address with its values."""

    address: str
    children: list[tuple[str, dict[str, Any]]]


def expand_node(address: str, node: Node, scope: Mapping[str, Any]) -> Expansion:
    """The children of a matrix node, in the order written."""
    rows = expand(node.matrix, node.key, scope)
    return Expansion(address, [(f"{address}[{key}]", values) for key, values in rows])


def node_doc(
    node: Work, defaults: Defaults | None, addresses: Mapping[str, str], schemas: Mapping[str, Any]
) -> dict[str, Any]:
    """The step of a node, without its address; `addresses` has those of what it may need, where they are not their ids.
    The defaults are those of what has commands: not of a loop, nor of a child pipeline."""
    doc: dict[str, Any] = {}
    if node.run is not None:
        doc["run"] = node.run if isinstance(node.run, str) else list(node.run)
    if isinstance(node, BodyNode):
        if node.needs:
            doc["needs"] = [addresses[need] for need in node.needs] if addresses else list(node.needs)
        if node.trigger_rule != "all_success":
            doc["trigger_rule"] = node.trigger_rule
    if node.model_fields_set <= PLAIN_KEYS and (defaults is None or not defaults.model_fields_set):
        return doc
    if isinstance(node, Node) and (node.loop is not None or node.pipeline is not None):
        defaults = None
    if node.if_ is not None:
        doc["if"] = node.if_
    if node.env or (defaults and defaults.env):
        doc["env"] = {**(defaults.env if defaults else {}), **node.env}
    if node.secrets:
        doc["secrets"] = list(node.secrets)
    cwd = node.cwd if node.cwd is not None else defaults.cwd if defaults else None
    if cwd is not None:
        doc["cwd"] = cwd
    timeout = node.timeout if node.timeout is not None else defaults.timeout if defaults else None
    if timeout is not None:
        doc["timeout_seconds"] = timeout
    retry = node.retry if node.retry is not None else defaults.retry if defaults else None
    if retry is not None and retry.limit:
        doc["retry"] = _retry(retry)
    if node.allow_failure:
        doc["allow_failure"] = True
    if node.outputs:
        path = node.outputs.get("schema")
        doc["outputs"] = {"schema": schemas[path]} if isinstance(path, str) and path in schemas else dict(node.outputs)
    if node.artifacts:
        doc["artifacts"] = dict(node.artifacts)
    if isinstance(node, BodyNode) and node.cache is not None:
        doc["effect"], doc["cache"] = "pure", _cache(node.cache)
    elif isinstance(node.effect, str):
        if node.effect != "idempotent":
            doc["effect"] = node.effect
    else:
        once: dict[str, Any] = {"once": node.effect.once}
        if node.effect.probe is not None:
            once["probe"] = node.effect.probe if isinstance(node.effect.probe, str) else list(node.effect.probe)
        doc["effect"] = once
    if node.requires:
        doc["requires"] = list(node.requires)
    if node.slots != 1:
        doc["slots"] = node.slots
    if isinstance(node, Node) and node.workspace != "shared":
        doc["workspace"] = node.workspace if isinstance(node.workspace, str) else node.workspace.kind
    if isinstance(node, BodyNode) and node.writes is not None:
        doc["writes"] = list(node.writes)
    if node.tags:
        doc["tags"] = list(node.tags)
    if node.description:
        doc["description"] = node.description
    return doc


_ONCE = "loop.index == 1 or loop.previous.setup.status == 'failed'"


def after_setup(setup: dict[str, Any], nodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The nodes of a loop, with one before them that sets the loop's tree up, until it has succeeded once."""
    waits = {"needs": [SETUP], "trigger_rule": "none_failed"}
    return [{"id": SETUP, "if": _ONCE, **setup}, *({**node, **({} if "needs" in node else waits)} for node in nodes)]


def dynamic_doc(node: Node, step: dict[str, Any]) -> dict[str, Any]:
    """The step of a matrix that only the run knows, from the step that each of its children is."""
    waits: dict[str, Any] = {key: step[key] for key in ("needs", "trigger_rule") if key in step}
    shown: dict[str, Any] = {key: step[key] for key in ("allow_failure", "tags", "description") if key in step}
    expand: dict[str, Any] = {"matrix": node.matrix}
    if node.key is not None:
        expand["key"] = node.key
    if node.max_parallel is not None:
        expand["max_parallel"] = node.max_parallel
    expand["child"] = {key: value for key, value in step.items() if key not in waits}
    return {**waits, **shown, "expand": expand}


def _cache(cache: Cache) -> CacheDoc:
    doc: CacheDoc = {"paths": list(cache.paths)}
    if cache.env:
        doc["env"] = list(cache.env)
    if cache.tools:
        doc["tools"] = list(cache.tools)
    return doc


def _retry(retry: Retry) -> RetryDoc:
    return {
        "limit": retry.limit,
        "delay_seconds": retry.delay,
        "backoff": retry.backoff,
        "max_delay_seconds": retry.max_delay,
        "jitter": retry.jitter,
        "on": list(retry.on),
    }
