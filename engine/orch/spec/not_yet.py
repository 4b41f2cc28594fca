"""The keys and values that the language will have and this version does not: each is refused by name."""

from __future__ import annotations

SINGULAR = (
    "the set-up of a node's own tree",
    "a `workspace` of all nodes",
    "network policy",
    "the cache",
    "the spec guard",
    "retention",
)

KINDS = ("Agent", "Pattern", "Scenario")

NOT_YET: dict[str, dict[str, str]] = {
    "pipeline": {
        "mode": "modes",
        "network": "network policy",
    },
    "budget": {"usd": "budgets of money", "tokens": "budgets of tokens"},
    "defaults": {"workspace": "a `workspace` of all nodes"},
    "phase": {"mode": "modes", "network": "network policy"},
    "gate": {"diff_budget": "`diff_budget` gates"},
    "approval": {"on_reject": "`on_reject`"},
    "check": {
        "run": "checks that run a command",
        "adapter": "checks by adapters",
        "command": "checks by adapters",
        "args": "checks by adapters",
    },
    "node": {
        "agent": "`agent` nodes",
        "prompt": "`agent` nodes",
        "pattern": "`pattern` nodes",
        "mcp": "`mcp` nodes",
        "mode": "modes",
        "network": "network policy",
        "sandbox": "sandboxes",
    },
    "command": {"network": "network policy", "cache": "the cache"},
    "project": {
        "guardrails": "guardrails",
        "spec_guard": "the spec guard",
        "providers": "model providers",
        "mcp_servers": "MCP servers",
        "retention": "retention",
    },
    "person": {"key": "signed decisions"},
    "policy": {"mode": "modes", "network": "network policy", "weaker_needs": "`weaker_needs`"},
}
"""place → key → what it would bring, in words. A place is a kind of mapping: see `places`."""

NOT_YET["body"] = {
    **NOT_YET["node"],
    "loop": "loops inside of a loop",
    "pipeline": "child pipelines inside of a loop",
    "with": "child pipelines inside of a loop",
    "matrix": "matrices inside of a loop",
    "key": "matrices inside of a loop",
    "max_parallel": "matrices inside of a loop",
}
"""Of the nodes of a loop."""

NODE_KINDS_NOT_YET = ("agent", "pattern", "mcp")

VALUES: dict[tuple[str, str], dict[str, str]] = {
    ("pipeline", "kind"): {kind: f"documents of kind {kind}" for kind in KINDS},
    ("project", "kind"): {kind: f"documents of kind {kind}" for kind in KINDS},
    ("approval", "trust"): {"signed": "signed decisions"},
    ("policy", "trust"): {"signed": "signed decisions"},
    ("retry", "on"): {
        reason: f"failures of the kind `{reason}`"
        for reason in (
            "not-allowed",
            "merge-conflict",
            "path-policy-violation",
            "guardrail-tripped",
            "agent-contract-violation",
            "malformed-tool-response",
            "tool-invocation-error",
            "exhausted",
            "unchanged",
        )
    },
}
"""(place, key) → value → what it would bring, in words."""
