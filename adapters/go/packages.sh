# `go COMMAND FLAGS…` for ./... or, in a workspace, for every module of it: the pattern ./... ends where a module does.
set -eu
command=$1
shift
if [ "$command" = test ] && go help testflag 2>&1 | grep -q -e ' -fullpath$'; then
  set -- -fullpath "$@" # since Go 1.21; before, a failure in a package below names its file without the folder
fi
if [ -f go.work ]; then
  folders=$(go list -m -f '{{.Dir}}')
else
  folders=.
fi
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
