"""Who may decide: the roles that the plan pinned, and those of today's orch.yaml."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from orch.app.context import Context
from orch.app.project import load
from orch.app.root import RUNS
from orch.gates.facts import Trouble
from orch.governance.git import identity
from orch.governance.subjects import Resolve, nothing
from orch.governance.where import Where
from orch.model.codec import UnknownEvent, decode
from orch.model.compiled import Compiled
from orch.model.events import Event, Opened, Started
from orch.problems.problem import OrchError
from orch.store.rundir import KIND

Places = Callable[[Resolve, Mapping[str, Sequence[Sequence[str]]]], Where]


def places(context: Context, root: str, head: Mapping[str, Any], started_by: str | None = None) -> Places:
    """Makes the `Where` of a look. orch.yaml is read at each look; while it cannot be read, nobody has a role."""

    def where(resolve: Resolve, history: Mapping[str, Sequence[Sequence[str]]]) -> Where:
        people: dict[str, list[str]] = {}
        today: dict[str, list[str]] = {}
        floor = "file"
        unread: Trouble | None = None
        try:
            project = load(root).project
        except OrchError as error:
            unread = Trouble(kind="bad-file", about=error.problems[0].message)
        else:
            people = {handle: list(person.emails) for handle, person in project.people.items()}
            today = {role: list(handles) for role, handles in project.roles.items()}
            floor = project.policy.trust
        return Where(
            root=root,
            project=head["project"].get("id"),
            task=head["task"],
            pipeline=head["pipeline"]["name"],
            people=people,
            pinned=head["roles"],
            today=today,
            trust_floor=floor,
            unread=unread,
            resolve=resolve,
            starter=started_by,
            history=history,
            environment=context.env,
        )

    return where


def shuts_authors_out(plan: Compiled) -> bool:
    """Does any gate ask who wrote what it is about?"""
    return any(
        "author" in plan.action(gate).step["gate"].get("exclude", ()) for gates in plan.phase_gates for gate in gates
    )


def starter(context: Context, root: str, plan: Compiled) -> str | None:
    """The handle of whoever starts a run, or takes it up, by the git identity; asked only where a gate shuts authors
    out."""
    if not shuts_authors_out(plan):
        return None
    address = identity(root, context.env)
    found = places(context, root, plan.head)(nothing, {}).handles_of(address) if address else []
    return found[0] if len(found) == 1 else None


def makers_of(root: str, run: str, address: str) -> list[str | None]:
    """Who started another run of the project, `<task>/<id>`, and who took it up so that this step ran for them; where
    none of that address ran there, everybody who took it up. None stands for one who is not known."""
    openers: list[str | None] = []
    made: list[str | None] = []
    try:
        with open(f"{root}/{RUNS}/{run.replace('/', f'/{KIND}/')}/journal.ndjson", "rb") as file:
            for line in file:
                if b'"type":"opened"' in line or b'"type":"started"' in line:
                    _, _, event = decode(line)
                    if isinstance(event, Opened):
                        openers.append(event.owner.get("started_by"))
                    elif isinstance(event, Started) and event.address == address:
                        made.append(openers[-1])
    except (OSError, ValueError, UnknownEvent, IndexError):
        return [None]
    return list(dict.fromkeys([*openers[:1], *(made or openers)])) or [None]


def started_by(events: Iterable[Event]) -> str | None:
    """Who started the run, as its first record says."""
    first = next((event for event in events if isinstance(event, Opened)), None)
    return first.owner.get("started_by") if first else None
