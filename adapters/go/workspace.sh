# `go COMMAND FLAGS…` for every module of the workspace here: the pattern ./... ends where a module does.
set -eu
command=$1
shift
folders=$(go list -m -f '{{.Dir}}')
set -f
IFS='
'
if [ "$command" = fmt ]; then # knows no workspace
  for folder in $folders; do
    (cd "$folder" && go fmt "$@" ./...)
  done
  exit
fi
for folder in $folders; do
  set -- "$@" "$folder/..."
done
exec go "$command" "$@" 2>&1
