"""One attempt of a node: what is started, and what came of it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # loaded only where a node has secrets
    from orch.model.masking import Secrets

LOG_CAP_BYTES = 64 << 20
LOG_HEAD_BYTES = 8 << 20
"""Of a stream over the cap its head and, up to the cap, its end are kept."""


class Attempt(NamedTuple):
    """What to start. `env` is the whole environment, to which the executor adds ORCH_ADDRESS and ORCH_ATTEMPT; `cwd`
    is absolute. `stem` is the name of the log files without `.out` and `.err`, for example `build.test.1`. `root`
    (absolute, without symlinks) is what neither `cwd` nor an artifact may leave. `tools` are programs that must be on
    its PATH, each with the command that installs it, or nothing. `secrets` are added to the environment, and taken out
    of what it writes. Attempts that share one `env` object start faster: it is encoded once."""

    address: str
    number: int
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str
    timeout_seconds: float | None
    stem: str
    root: str = "/"
    tools: tuple[tuple[str, str], ...] = ()
    secrets: "Secrets | None" = None


class Log(NamedTuple):
    """What was kept of one stream. `path` is relative to the run directory; `sha256` (hex) and `bytes` are of the kept
    file; `truncated_bytes` are missing from its middle, after the head."""

    path: str
    sha256: str
    bytes: int
    truncated_bytes: int


class Result(NamedTuple):
    """How an attempt ended. Either `exit_code` or `signal` is set; `stopped` says that the executor ended it (`timeout`
    or `cancel`), whatever it exited with. A stream without a byte has no log. `killed` counts the processes that were
    still there after the leader had exited."""

    exit_code: int | None
    signal: int | None
    stopped: str | None
    stdout: Log | None
    stderr: Log | None
    killed: int


class StartError(Exception):
    """An attempt could not be started, through no fault of the engine. `message` says why, `hint` what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
