#!/bin/sh
# Installs the peers that PyPI has, and the floor in C, into .peers/ at the project's root (`all`: snakemake too).
# GNU make, xargs and a C compiler come with the system, `parallel` with its package manager.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
base=${PERF_BASE:-$here/../../.peers}
mkdir -p "$base/venvs"
install() { # install VENV PACKAGE…
  venv=$base/venvs/$1
  shift
  test -x "$venv/bin/python" || python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet "$@"
}
install tools doit==0.37.0 ninja==1.13.2 go-task-bin==3.54.0 rust-just==1.59.0 luigi==3.8.1
if [ "${1:-}" = all ]; then install smk snakemake==9.27.1; fi
cc -O2 -o "$base/floor" "$here/floor.c"
