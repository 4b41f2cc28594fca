"""What the loop needs of the world: Protocols of at most five methods, implemented by `local`, `store` and `app`."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from orch.model.attempt import Attempt, Result, StartError
from orch.model.events import Event
from orch.model.state import RunState

if TYPE_CHECKING:  # loaded only where a node has secrets
    from orch.model.masking import Mask


class Clock(Protocol):
    """Wall time for records, steady time for waiting."""

    def now_ms(self) -> int:
        """Milliseconds since 1970, UTC."""
        ...

    def steady(self) -> float:
        """Seconds of a clock that never goes back and does not stop while the machine sleeps."""
        ...


class Running(Protocol):
    """An attempt in progress."""

    @property
    def attempt(self) -> Attempt:
        """What was begun."""
        ...


class Executor(Protocol):
    """Performs attempts, local or remote."""

    def begin(self, attempt: Attempt) -> Running:
        """Start the attempt. Raises `StartError` where it cannot start."""
        ...

    def wait(self, timeout_seconds: float | None) -> Sequence[Running]:
        """Those that have ended; waits for one, for a watched descriptor, or for the time to be over."""
        ...

    def stop(self, running: Any, why: str) -> None:
        """Ask the whole process tree to end, and end it after the grace. `why`: timeout or cancel."""
        ...

    def collect(self, running: Any) -> Result:
        """Reap an ended attempt, end what it left behind, keep its logs."""
        ...

    def kill_all(self) -> None:
        """End everything at once, without grace."""
        ...


class Journal(Protocol):
    """The truth: an append-only chain of records. After an OSError nothing more is written."""

    def append(self, events: Sequence[Event]) -> None:
        """Write these events with one system call."""
        ...

    def sync(self) -> None:
        """Make what was appended durable, as the plan asks."""
        ...


class Look(NamedTuple):
    """What a look at a gate gave: the fields of `Observed`."""

    status: str
    reason: str
    sentence: str
    facts: dict[str, Any]


class GateWatch(Protocol):
    """Looks at approval and freshness gates."""

    def look(self, state: RunState, step: int, at_ms: int) -> Look:
        """Gather the facts of a gate and judge them."""
        ...


class Fault(NamedTuple):
    """Why what an attempt made is not taken: a sentence, and the reason that the step fails with."""

    sentence: str
    reason: str = "output-missing"


class Harvest(Protocol):
    """Takes in what an attempt made. What went wrong is a fault, or None."""

    def output_path(self, stem: str) -> str:
        """Where an attempt with declared outputs writes its JSON object; the path is fresh."""
        ...

    def outputs(
        self, stem: str, declared: Mapping[str, Any], mask: "Mask | None" = None
    ) -> tuple[dict[str, Any] | None, Fault | None]:
        """Read, check and remove what the attempt wrote; its schema is left to `check`. What a mask finds is no
        output."""
        ...

    def check(self, attempt: Attempt, declared: Mapping[str, Any], outputs: Mapping[str, Any]) -> Attempt | None:
        """What is to be run to hold the outputs against their schema; None where they have none."""
        ...

    def verdict(self, check: Attempt, end: Result | StartError) -> Fault | None:
        """What came of such a check."""
        ...

    def artifacts(self, attempt: Attempt, paths: Mapping[str, str]) -> tuple[tuple[dict[str, Any], ...], Fault | None]:
        """Copy the declared files into the content store, and to where dependants look for them: `{name, path,
        sha256, bytes}` each. One that holds a secret of the attempt is refused."""
        ...


class Reading(NamedTuple):
    """What the reports and logs of an attempt say: counts of tests, findings (`{message, file, line, test}`) and how
    many there are, which report cannot be read (`trouble`), what a line of the log means (`cause`)."""

    tests: Mapping[str, int] | None = None
    findings: Sequence[Mapping[str, Any]] = ()
    found: int = 0
    trouble: str | None = None
    cause: str | None = None


class Reports(Protocol):
    """Reads what the commands of adapters leave."""

    def folder(self, stem: str) -> str:
        """A fresh folder for the reports of an attempt."""
        ...

    def reading(self, attempt: Attempt, adapter: Mapping[str, Any], folder: str | None, end: Result) -> Attempt | None:
        """What is to be run to read what an ended attempt left; None where there is nothing to read."""
        ...

    def read(self, reading: Attempt, end: Result | StartError) -> Reading:
        """What came of it."""
        ...


class TreeTrouble(Exception):
    """A tree cannot be had, looked at or written; the text says why."""


class SecretLeft(TreeTrouble):
    """What is to be committed holds a secret, which the text names; nothing of it has been."""


class Change(NamedTuple):
    """What a tree holds beyond the commit that it stands on: the ids of that commit (`base`) and of the `content`, and
    the files that differ, relative to the project's root. `moved` is the run's branch where it is not as the engine has
    left it; `ahead` is that branch where it has only gone on, by commits of those who work in the run's own tree.
    `hidden` are files that only a list of ignored files names which somebody has written meanwhile: they are never
    committed."""

    base: str
    content: str
    files: tuple[str, ...]
    moved: str | None = None
    ahead: str | None = None
    hidden: tuple[str, ...] = ()


class Merged(NamedTuple):
    """The commit on the run's branch; None where there are `conflicts`, a finding (`{message, file, line}`) each."""

    commit: str | None
    conflicts: tuple[dict[str, Any], ...] = ()


class Trees(Protocol):
    """The trees of a run with a branch of its own. The run's own tree has the name "", others those of steps."""

    def root(self, name: str) -> str:
        """The project's root in a tree."""
        ...

    def make(self, name: str) -> str:
        """A tree as the run's branch is now, whatever was there; its root."""
        ...

    def changes(self, name: str) -> Change:
        """What a tree holds that its commit does not. Raises SecretLeft."""
        ...

    def commit(
        self,
        name: str,
        change: Change,
        message: str,
        at_ms: int,
        without: Collection[str] = (),
        *,
        stays: bool = True,
    ) -> tuple[str, dict[str, Any] | None]:
        """Commit that: of the run's own tree to the branch, without those files, which are put back as they were; of
        another one beside it, with its patch as an artifact. Then that one goes, unless it `stays`; it may also go with
        nothing in it to commit."""
        ...

    def merge(self, commit: str, message: str, at_ms: int) -> Merged:
        """Put such a commit onto the run's branch; once, however often it is asked."""
        ...


class Recollection(NamedTuple):
    """What the cache knows of a step. `cache` is for the record: `{key, hit, because, inputs, …}`; with a `hit` the
    rest is the result of a run before. `known` says that there is such a result, if perhaps of other inputs."""

    cache: dict[str, Any]
    known: bool = False
    outputs: dict[str, Any] | None = None
    artifacts: tuple[dict[str, Any], ...] = ()
    tests: dict[str, int] | None = None


class Memory(Protocol):
    """The results of runs before."""

    def recall(self, state: RunState, step: int) -> Recollection:
        """Look up the step's result by what it reads. In a run the artifacts of a hit lie where its own would."""
        ...

    def stir(self) -> None:
        """Time has passed, or somebody has acted: what was looked at may be different now."""
        ...

    def ended(self, step: int) -> None:
        """The step's command has ended, and nothing that waits for it has begun."""
        ...

    def settle(self) -> None:
        """A command begins that may change files: what those have read that have ended is looked at before."""
        ...


class Request(NamedTuple):
    """What somebody asked of the owner; `detail` holds `address` and `how` for settle."""

    id: str
    verb: str
    actor: str
    detail: dict[str, str]


class Inbox(Protocol):
    """Requests of others."""

    def drain(self) -> Sequence[Request]:
        """The requests since the last call; one system call where there are none."""
        ...


class Recorder(Protocol):
    """Keeps the derived files and tells people; called only after the events are in the journal."""

    def record(self, events: Sequence[Event], state: RunState) -> None:
        """These events happened, `state` is what they amount to."""
        ...

    def tick(self, state: RunState) -> None:
        """Time went by; called a few times a second."""
        ...
