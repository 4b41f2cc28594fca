"""A generator for each tool: the workload in the tool's own language. To add one, write a function with @tool."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from job import PEERS, Job, Workload, tool

BIN = PEERS / "venvs" / "tools" / "bin"
SNAKEMAKE = PEERS / "venvs" / "smk" / "bin" / "snakemake"


@tool("orch")
def orch(load: Workload) -> Job:
    lines = ["apiVersion: orch/v1", "kind: Pipeline", "name: bench", "phases:", "  main:", "    nodes:"]
    for i, needs in enumerate(load.graph):
        keys = [f'run: "{f"true > out/{i}" if load.stamp else "true"}"']
        if needs:
            keys.append(f"needs: [{', '.join(f'n{j}' for j in needs)}]")
        if load.stamp:
            keys.append(f"cache: {{ paths: [{', '.join(f'out/{j}' for j in needs) or 'pipeline.yaml'}] }}")
        lines.append(f"      n{i}: {{ {', '.join(keys)} }}")
    (load.root / "pipeline.yaml").write_text("\n".join(lines) + "\n")
    exe = os.environ.get("ORCH", str(Path(sys.executable).with_name("orch"))).split()
    return Job(
        [*exe, "apply", "pipeline.yaml", "--jobs", "2"],
        plan=[*exe, "plan", "--dry-run", "pipeline.yaml"],
        version=[*exe, "--version"],
        help=[*exe, "--help"],
        clean=[".runs", "out/*"],
        cache=["cache"],
        env={
            "ORCH_MAX_SPEC_BYTES": str(64 << 20),
            "XDG_CACHE_HOME": str(load.root / "cache"),
            "PYTHONDONTWRITEBYTECODE": "",  # as with an installed package, whose bytecode lies beside it
        },
        note="journal, manifest per node",
    )


@tool("python", ("wide",))
def python(load: Workload) -> Job:
    """The floor of start-up for all that is written in Python."""
    bare = [sys.executable, "-c", "pass"]
    return Job([], version=bare, help=bare, note="bare start")


@tool("floor-c", ("wide",))
def floor_c(load: Workload) -> Job:
    return Job([str(PEERS / "floor"), "sh", str(load.size), "2"], note="posix_spawn loop in C")


@tool("xargs", ("wide",))
def xargs(load: Workload) -> Job:
    return Job(["/bin/sh", "-c", f"seq {load.size} | xargs -P2 -I_ sh -c true"], version=["xargs", "--version"])


@tool("make")
def make(load: Workload) -> Job:
    prefix = "out/" if load.stamp else ""
    names = [f"{prefix}{i}" for i in range(load.size)]
    lines = [f"all: {' '.join(names)}"]
    if not load.stamp:
        lines.append(f".PHONY: all {' '.join(names)}")
    body = "true > $@" if load.stamp else "true ;"  # the `;` keeps make on `sh -c`
    for name, needs in zip(names, load.graph, strict=True):
        lines.append(f"{name}: {' '.join(names[j] for j in needs)}\n\t@{body}")
    (load.root / "Makefile").write_text("\n".join(lines) + "\n")
    return Job(
        ["make", "-j2", "--no-builtin-rules", "all"],
        plan=["make", "-n", "--no-builtin-rules", "all"],
        version=["make", "--version"],
        help=["make", "--help"],
        clean=["out/*"],
    )


@tool("ninja")
def ninja(load: Workload) -> Job:
    prefix = "out/" if load.stamp else "n"
    lines = ["rule r", f"  command = {'true > $out' if load.stamp else 'true'}"]
    for i, needs in enumerate(load.graph):
        lines.append(f"build {prefix}{i}: r {' '.join(f'{prefix}{j}' for j in needs)}")
    (load.root / "build.ninja").write_text("\n".join(lines) + "\n")
    exe = str(BIN / "ninja")
    return Job(
        [exe, "-j2", "--quiet"],
        plan=[exe, "-n"],
        version=[exe, "--version"],
        clean=[".ninja_log", ".ninja_deps", "out/*"],
    )


@tool("just")
def just(load: Workload) -> Job:
    lines = ["set shell := ['/bin/sh', '-c']", "[parallel]" if load.shape == "wide" else ""]
    lines.append(f"all: {' '.join(f'n{i}' for i in range(load.size))}")
    for i, needs in enumerate(load.graph):
        lines.append(f"n{i}: {' '.join(f'n{j}' for j in needs)}\n\t@true")
    (load.root / "justfile").write_text("\n".join(lines) + "\n")
    exe = str(BIN / "just")
    return Job(
        [exe, "all"],
        plan=[exe, "--dry-run", "all"],
        version=[exe, "--version"],
        help=[exe, "--help"],
        note="no job limit: wide all at once, else one at a time",
        absent="nothing incremental" if load.stamp else "",
    )


@tool("task")
def go_task(load: Workload) -> Job:
    tasks: dict[str, object] = {"all": {"deps": [f"n{i}" for i in range(load.size)]}}
    for i, needs in enumerate(load.graph):
        command = f"sh -c 'true > out/{i}'" if load.stamp else "sh -c true"
        one: dict[str, object] = {"cmds": [command], "deps": [f"n{j}" for j in needs], "silent": True, "run": "once"}
        if load.stamp:
            sources = [f"out/{j}" for j in needs] or ["Taskfile.yml"]
            one |= {"generates": [f"out/{i}"], "sources": sources, "method": "timestamp"}
        tasks[f"n{i}"] = one
    (load.root / "Taskfile.yml").write_text(json.dumps({"version": "3", "tasks": tasks}))  # JSON is YAML
    exe = str(BIN / "task")
    return Job(
        [exe, "-C", "2", "all"],
        plan=[exe, "--dry", "all"],
        version=[exe, "--version"],
        help=[exe, "--help"],
        clean=[".task", "out/*"],
    )


DODO = """import json
GRAPH = json.load(open('graph.json'))
STAMP = {stamp}
def task_n():
    for i, needs in enumerate(GRAPH):
        one = {{'name': str(i), 'actions': ['true > out/%d' % i if STAMP else 'true'], 'verbosity': 0}}
        one['task_dep'] = ['n:%d' % j for j in needs]
        if STAMP:
            one |= {{'targets': ['out/%d' % i], 'file_dep': ['out/%d' % j for j in needs], 'uptodate': [True]}}
        yield one
"""


@tool("doit")
def doit(load: Workload) -> Job:
    (load.root / "graph.json").write_text(json.dumps(load.graph))
    (load.root / "dodo.py").write_text(DODO.format(stamp=load.stamp))
    exe = str(BIN / "doit")
    return Job(
        [exe, "run", "-n", "2", "-P", "thread"],
        plan=[exe, "list", "--all"],
        version=[exe, "--version"],
        help=[exe, "help"],
        clean=[".doit.db*", "out/*"],
        note="threads; its database is written at the end",
    )


LUIGI = """import json, subprocess, luigi
GRAPH = json.load(open('graph.json'))
class N(luigi.Task):
    i = luigi.IntParameter()
    def requires(self): return [N(i=j) for j in GRAPH[self.i]]
    def output(self): return luigi.LocalTarget('out/%d' % self.i)
    def run(self): subprocess.run(['/bin/sh', '-c', 'true > out/%d' % self.i], check=True)
class All(luigi.WrapperTask):
    def requires(self): return [N(i=i) for i in range(len(GRAPH))]
if __name__ == '__main__':
    luigi.build([All()], local_scheduler=True, workers=2, log_level='ERROR')
"""


@tool("luigi")
def luigi(load: Workload) -> Job:
    (load.root / "graph.json").write_text(json.dumps(load.graph))
    (load.root / "out").mkdir(exist_ok=True)
    (load.root / "flow.py").write_text(LUIGI)
    exe = str(BIN / "python")
    return Job([exe, "flow.py"], clean=["out/*"], note="writes a target and forks for each task")


SNAKEFILE = """import json
GRAPH = json.load(open('graph.json'))
rule all:
    input: expand('out/{i}', i=range(len(GRAPH)))
rule n:
    input: lambda w: ['out/%d' % j for j in GRAPH[int(w.i)]]
    output: 'out/{i}'
    shell: 'true > {output}'
"""


@tool("snakemake")
def snakemake(load: Workload) -> Job:
    (load.root / "graph.json").write_text(json.dumps(load.graph))
    (load.root / "Snakefile").write_text(SNAKEFILE)
    exe = str(SNAKEMAKE)
    return Job(
        [exe, "-j2", "--quiet", "all", "--nolock"],
        plan=[exe, "-n", "--quiet", "all", "--nolock"],
        version=[exe, "--version"],
        clean=[".snakemake", "out"],
        env={"HOME": str(load.root), "XDG_CACHE_HOME": str(load.root / "cache")},
        note="writes a file and a record for each job",
    )
