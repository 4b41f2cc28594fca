"""O0xx: the YAML text itself."""

from __future__ import annotations

from orch.problems.code import Code

CODES: dict[str, Code] = {
    "O001": Code(
        "A file cannot be read",
        "The file is missing, is a directory, or may not be read. Paths on the command line start at the current "
        "directory. Check the name with `ls`, and name a YAML file: `orch plan pipelines/build.yaml`.",
    ),
    "O002": Code(
        "The file is not UTF-8",
        "YAML files are read as UTF-8, so that a name means the same on every machine. The place shows the first "
        "byte that is not. Save the file as UTF-8 in your editor, or convert it: `iconv -f latin1 -t utf-8 "
        "old.yaml > new.yaml`.",
    ),
    "O003": Code(
        "A character that cannot be seen",
        "Control characters can rewrite what a terminal shows, and characters that change the direction of the "
        "text can make a reviewer read another command than the one that runs. Both are refused anywhere in the "
        "file, in comments and quoted strings too, and also when a double-quoted string spells them as an escape. "
        "Remove the character; where a command needs one, let the command write it: `run: printf '\\033[0m'` "
        "inside a `|` block.",
    ),
    "O004": Code(
        "The file is too large",
        "A specification is at most 1 MiB, so that a mistake or a hostile file cannot use up the memory. Split it "
        "into several pipelines. For a generated file that is meant to be large, raise the limit in bytes: `export "
        "ORCH_MAX_SPEC_BYTES=16777216`.",
    ),
    "O005": Code(
        "The text is not YAML",
        "The parser cannot go on at the place shown; the mistake is there or just before it. Most often it is a "
        "`: ` or a `*` in a value without quotes, a tab as indentation, keys that do not begin in the same "
        "column, or a bracket or quote that is not closed. Write `title: 'Build: all'`, `paths: ['*.py']`, and "
        'expressions inside `{ }` and `[ ]` in quotes: `{ env: "${{ inputs.env }}" }`.',
    ),
    "O006": Code(
        "Nested too deeply",
        "A document is at most 64 levels deep, counting what aliases bring in. Nothing in the language needs more "
        "than about fifteen, and some parsers crash on thousands. Write the value flatter, or keep it in a file that a "
        "command reads.",
    ),
    "O007": Code(
        "A key is written twice",
        "The same key stands twice in one mapping. Most YAML readers let the last one win without a word, so that "
        "a gate or a timeout could be replaced by a copy far below it. Remove one of the two, or rename it; two "
        "nodes in one phase need two names: `test_unit:` and `test_api:`.",
    ),
    "O008": Code(
        "Tags are not part of the language",
        "A tag such as `!secret`, `!!str` or `!!python/object` tells a YAML reader to make a special value. "
        "Values here are plain: text, numbers, booleans, null, lists and mappings. Leave the tag out; for text "
        "that looks like a number use quotes: `version: '3.10'`.",
    ),
    "O009": Code(
        "An anchor or alias that is not allowed",
        "Anchors (`&name`) are defined below top-level keys that begin with `x-`, each name once, and aliases "
        "(`*name`) come after them, so that a reader knows where to look and nothing contains itself. A value "
        "that merely begins with `*` or `&` needs quotes. Write `x-env: { base: &base { LANG: C } }` and then "
        "`env: *base`.",
    ),
    "O010": Code(
        "Merge keys are not part of the language",
        "`<<` is an extension that YAML readers treat differently, and it hides which keys a mapping has. Write "
        "the keys out, use `defaults:` for what all nodes share, or let an alias stand for a whole value: `env: "
        "*base`.",
    ),
    "O011": Code(
        "The aliases expand to too much",
        "Aliases of aliases multiply: ten lines can stand for a billion values. All aliases of a file together "
        "may bring in 200,000 values. Use fewer levels of aliases, or a `matrix:` for work that repeats.",
    ),
    "O012": Code(
        "More than one document",
        "A file holds one document, which says one thing. What comes after the second `---` would be ignored by "
        "some tools and not by others. Put each document into a file of its own.",
    ),
    "O013": Code(
        "The file holds no document",
        "The file is empty, or has only comments. A pipeline begins like this:\n\n"
        "    apiVersion: orch/v1\n    kind: Pipeline\n    name: build",
    ),
    "O014": Code(
        "The document is not a mapping",
        "A document is a mapping of keys such as `apiVersion`, `kind` and `phases`. Here it is a list or a single "
        "value, often because the first lines begin with `- ` or lack their `:`. Write `kind: Pipeline`.",
    ),
    "O015": Code(
        "A key is not text",
        "The keys of a mapping are text. A number, `true`, `null`, a list, a mapping or an alias as a key would "
        "change its meaning on the way through JSON. Quote it: `'8080': web`. `{{ x }}` without quotes is read as "
        'a mapping inside a mapping; an expression is written `"${{ inputs.x }}"`.',
    ),
    "O016": Code(
        "PyYAML has no C parser",
        "The installed PyYAML was built without libyaml. The parser in Python is about thirty times slower and "
        "fails on some input with a traceback, so it is not used. Install a build with libyaml: `python -m pip "
        "install --force-reinstall --only-binary :all: pyyaml`.",
    ),
    "O017": Code(
        "The size limit is not a number",
        "`ORCH_MAX_SPEC_BYTES` holds the largest size of a specification, as a whole number of bytes above zero, "
        "without a unit. Write `export ORCH_MAX_SPEC_BYTES=16777216`, or unset it for the usual 1 MiB.",
    ),
}
