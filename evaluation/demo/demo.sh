#!/bin/sh
# The sample project from nothing to a checked record: validate, plan, apply, approve, resume, verify, show.
# Every command is shown before it runs and must end with the exit code expected of it. Works in .demo/, made anew each
# time, with a git repository of its own; dates and decisions are written now, so that it passes on any day.
set -eu

here=$(cd "$(dirname "$0")/../.." && pwd)
demo=$here/.demo
spec=tasks/specs/0001-invoice-a-week.md
PATH=$here/.venv/bin:$PATH
GIT_CONFIG_GLOBAL=/dev/null
GIT_CONFIG_NOSYSTEM=1
XDG_CACHE_HOME=$here/.make/demo-cache
export PATH GIT_CONFIG_GLOBAL GIT_CONFIG_NOSYSTEM XDG_CACHE_HOME
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_CEILING_DIRECTORIES

say() { printf '\n# %s\n' "$*"; }

expect() { # expect CODE COMMAND…
  want=$1
  shift
  shown=
  for word in "$@"; do
    case $word in *' '*) shown="$shown \"$word\"" ;; *) shown="$shown $word" ;; esac
  done
  printf '$%s\n' "$shown"
  got=0
  "$@" < /dev/null || got=$?
  if [ "$got" -ne "$want" ]; then
    printf 'demo: exit code %s instead of %s from:%s\n' "$got" "$want" "$shown" >&2
    exit 1
  fi
}

commit() { # commit WHO MESSAGE PATH…
  who=$1
  message=$2
  shift 2
  git add -- "$@"
  GIT_AUTHOR_NAME=$who GIT_AUTHOR_EMAIL=$who@hours.example GIT_COMMITTER_NAME=$who \
    GIT_COMMITTER_EMAIL=$who@hours.example git commit --quiet --message "$message"
}

rm -rf "$XDG_CACHE_HOME"
if [ -e "$demo" ]; then chmod -R u+w "$demo" && rm -rf "$demo"; fi
cp -R "$here/fixtures/sample" "$demo"
mkdir -p "$demo/pipelines"
cp "$here/pipelines/quickstart.yaml" "$demo/pipelines/"
cd "$demo"

say "A project with a spec that was reviewed today, in a git repository of its own"
sed "s/^last_review: .*/last_review: $(date -u +%Y-%m-%d)/" "$spec" > "$spec.new" && mv "$spec.new" "$spec"
git init --quiet --initial-branch main
commit author "Two packages, a guide, and the spec of it all" .
expect 0 git log --format='%h %an: %s'

say "Is what the project says valid?"
expect 0 orch validate

say "What would happen, and what is missing?"
expect 0 orch plan pipelines/quickstart.yaml

say "Run it: set-up goes ahead, the gate has no decision yet (exit 4: waiting for a person)"
expect 4 orch apply pipelines/quickstart.yaml

say "A reviewer who did not write the spec approves it as it is, and commits the decision"
expect 0 orch gate show spec_approved
expect 0 orch approve spec_approved --role spec_owner --by reviewer -m "The rules are complete and can be tested."
commit reviewer "Approve the spec" tasks
expect 0 git show --stat --format='%h %an: %s'

say "The same run goes on where it stopped: lint, tests and wheels of both packages and the guide side by side"
expect 0 orch resume @last

say "Is the record whole?"
expect 0 orch verify @last

say "What ran, and what was found?"
expect 0 orch runs show @last

printf '\ndemo: all as expected. The record: %s\n' "$(ls -d .runs/0001/cli/* | tail -n 1) in .demo"
