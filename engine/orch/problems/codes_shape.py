"""O1xx: the shape of a document, its keys and values."""

from __future__ import annotations

from orch.problems.code import Code

CODES: dict[str, Code] = {
    "O101": Code(
        "an unknown key",
        "The mapping has no key of this name. Unknown keys are never ignored: a misspelt `timeout` or `needs` would "
        "silently not hold. The hint shows the nearest key, or all of them. Write `retry: { limit: 2 }`, not "
        "`retires: 2`; notes of your own go into comments or below top-level keys that begin with `x-`.",
    ),
    "O102": Code(
        "a key is missing",
        "A mapping lacks a key that it cannot do without. A pipeline has `apiVersion: orch/v1`, `kind: Pipeline`, "
        "`name` and `phases`; a retry has `limit`; an approval has `subject` and `require`; a freshness gate has "
        "`path` and `max_age`. Add the key at the place shown: `retry: { limit: 2 }`.",
    ),
    "O103": Code(
        "a value of the wrong type",
        "A text stands where a number is wanted, a single value where a list is, or nothing at all after the colon. "
        "Nothing is converted, so that `010` or `yes` never becomes something else than what was meant. Texts that "
        'look like numbers are quoted (`"3.10"`), booleans are `true` and `false`, lists have brackets: `needs: '
        "[test]`. A key without a value is removed or given one.",
    ),
    "O104": Code(
        "a value that is not allowed",
        "The value has the right type, and is not one of those that there are: a misspelt word, an empty text or "
        "list, a number that is too small or too large. The message says what is allowed. Write `trigger_rule: "
        "all_done`, `max_parallel: 4`, `outputs: { coverage: number }`.",
    ),
    "O105": Code(
        "not exactly one kind key",
        "A node has exactly one key that says what it does, and a gate exactly one that says what it asks for. This "
        "version has `run` for nodes, and `approval`, `freshness` and `check` for gates. With two of them it would "
        "be unclear which one counts. Write `test: { run: make test }`, and split a gate with two kinds into two "
        "gates: all gates of a phase must be open anyway.",
    ),
    "O106": Code(
        "a name that cannot be one",
        "Names of pipelines, phases, gates, nodes, inputs and roles are up to 48 lower-case letters, digits and "
        "`_`, and begin with a letter: they become parts of addresses, file names and expressions. Handles of "
        "people may have `-` too, tags and tasks also upper-case letters; environment variables are named as the "
        "shell names them. Write `unit_tests`, not `Unit-Tests`.",
    ),
    "O107": Code(
        "a value without a sense",
        "The value has the type that its key takes, and cannot mean anything there; the message says why. A duration, "
        "for one, has a unit for each number, so that nobody has to guess whether `10` is seconds or minutes: "
        "`ms`, `s`, `m`, `h`, `d`, `w`, the largest first, each once. Write `timeout: 20m`, `delay: 500ms`, "
        "`max_age: 1d12h`.",
    ),
    "O108": Code(
        "a document of another kind or version",
        "A document says what it is in its first two keys: `apiVersion: orch/v1` and `kind: Pipeline`, or in "
        "orch.yaml `kind: Project`. Nothing else of the document was looked at, since it would be read as something "
        "that it is not. Correct the key, or name another file.",
    ),
    "O110": Code(
        "not part of this version yet",
        "The language has a place for this, and this version does not do it. It is refused rather than ignored, "
        "since a pipeline that seems to have a sandbox, a mode or an agent and has none is worse than one that "
        "does not load. Not there yet: {not_yet}. Write `run: [my-tool, --check]` instead of an agent.",
    ),
    "O111": Code(
        "an input that contradicts itself",
        "The declaration of an input does not hold together: `values` without `type: enum`, `items` without `type: "
        "list`, a default that is not among the values that may be given, a pattern that is no regular expression, "
        "or `required: false` without a default. An input without a default must be given. Write `risk: { type: "
        "enum, values: [low, high], default: low }`.",
    ),
    "O112": Code(
        "a value that the input does not take",
        "The value given with `--input` is not of the input's type, not among its values, or does not match its "
        "pattern. Booleans are `true` and `false`; lists are JSON. Quote lists for the shell: `--input "
        "'langs=[\"python\"]'`.",
    ),
    "O113": Code(
        "an input must be given",
        "The pipeline declares an input without a default, so there is no run without a value for it. Pass it with "
        "`--input NAME=VALUE`, or add a `default` to the declaration.",
    ),
    "O114": Code(
        "the pipeline has no such input",
        "A value was given for an input that the pipeline does not declare. It would have no effect, and a misspelt "
        "name would leave the default in place. Correct the name, or declare it: `inputs: { lang: { type: string } "
        "}`.",
    ),
    "O115": Code(
        "a step that must not run twice is retried",
        "`effect: { once: … }` says that the command must not be done twice, and `retry` would start it again after "
        "a failure that may have come late. With a `probe` it can be asked whether it was done before each further "
        "start. Write `effect: { once: release, probe: 'gh release view v1' }`, or remove `retry`. One that comes from "
        "`defaults` is switched off for the node by `retry: { limit: 0 }`.",
    ),
    "O116": Code(
        "a variable that orch sets",
        "Environment variables that begin with `ORCH_` tell a command about its own run, such as `ORCH_OUTPUT` and "
        "`ORCH_ATTEMPT`. A pipeline that sets one would mislead its commands. Choose another name: `env: { RELEASE: "
        "v1 }`.",
    ),
    "O117": Code(
        "an address of two people",
        "Commits and decisions are matched to people by their mail addresses; capitals do not matter. An address "
        "that two people have would let one stand in for the other, and `exclude: [author]` would not know whom to "
        "exclude. Leave it with one of them: `people: { mlee: { emails: [m.lee@example.com] } }`.",
    ),
    "O118": Code(
        "a role that names nobody",
        "A role lists handles of `people`, each once. A handle that is not there could never decide anything, and a "
        "gate that needs it would stay shut. Add the person, or correct the handle: `people: { mlee: { emails: [] } "
        "}` and `roles: { product: [mlee] }`.",
    ),
    "O121": Code(
        "a key that belongs to what a node opens, or to nodes that open something",
        "A node with `loop` or `pipeline` starts no command itself: `env`, `timeout`, `retry`, `outputs` and the like "
        "belong to the nodes of its body, `loop: { nodes: { … } }`, or stand in the file that `pipeline` names. Beside "
        "these two stand `needs`, `trigger_rule`, `if`, `matrix` with its keys, `allow_failure`, `tags` and "
        "`description`; `with` stands beside `pipeline` only, and gives its inputs.",
    ),
    "O119": Code(
        "a rule about needs, and no needs",
        "`trigger_rule` says how the nodes in `needs` must have ended, and this node has none: it starts with its "
        "phase, whatever the rule. It does not look at the phases before: whether those have passed is decided before "
        "any node of this one. Name what it waits for, `needs: [test]`, or remove `trigger_rule`.",
    ),
    "O120": Code(
        "a result that cannot be kept",
        "`cache` takes the result of a step from a run before while what the step reads is unchanged. So all that it "
        "does must be in its outputs and artifacts (`effect: pure`, which `cache` says by itself), it can have no "
        "secrets and name no variable that holds one, whichever file of the run declares it, and nothing that it is "
        "started with may be another in every run. Write `cache: { paths: [src/**] }` without `effect`, or remove "
        "`cache`.",
    ),
    "O122": Code(
        "a variable that the result hangs on and the command does not get",
        "`cache.env` names variables of your environment: another value makes the step run again. A command gets few "
        "of them, and this one is not among them, so that it cannot have made a difference. Pass it on, in orch.yaml: "
        "`env: { pass: [MODE] }`; or give it a value in the node's `env`; or remove it from `cache.env`.",
    ),
}
