#!/usr/bin/env bash
# The script of `make demo`: plan and apply on the embedded API, in a temporary folder.
set -euo pipefail
unset "${!RECONCILER_@}" # the demo shows the defaults

reconciler=$(realpath "$1")
example=$(realpath "$(dirname "$0")/..")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cp -r "$example/manifests" "$scratch/"
cd "$scratch"

run() {
  printf '\n$ reconciler %s\n' "$*"
  "$reconciler" "$@"
}

# The same, for a command that has to end with an exit code of its own.
run_to() {
  local expected=$1 code=0
  shift
  run "$@" || code=$?
  printf '(exit code %s)\n' "$code"
  [ "$code" = "$expected" ]
}

# Git remembers which commit was applied. Without git the demo works as well, without origins.
commit() {
  if command -v git > /dev/null; then
    [ -d .git ] || { git init --quiet && printf '.reconciler/\n' > .gitignore; }
    git add --all
    git -c user.name=demo -c user.email=demo@example.com commit --quiet --message "$1"
  fi
}

say() { printf '\n# %s\n' "$*"; }

printf 'The example manifests on the embedded API: no account, token or port is needed.\n'
commit 'The example manifests'
run validate
run plan --sandbox

say 'Some records hold values that did not come from git. The first apply stops before them:'
run_to 3 apply --sandbox --auto-approve --concise

say 'They were reviewed above, and may be overwritten this once:'
run apply --sandbox --auto-approve --concise --allow max_overwrites=5
run plan --sandbox

say 'From now on git knows what it wrote. A change in git needs no permission:'
printf '\n$ sed -i s/vip/gold/ manifests/support/replies.yaml && git commit -am "Change a value"\n'
sed -i.old 's/user_data: vip/user_data: gold/' manifests/support/replies.yaml
rm manifests/support/replies.yaml.old
commit 'Change a value'
run apply --sandbox --auto-approve

cat <<'TEXT'

Next steps, in this folder:

  . .venv/bin/activate
  reconciler plan --sandbox                     the same plan, on a sandbox that is kept
  $EDITOR manifests/support/replies.yaml        change a value
  reconciler plan --sandbox --report html=p.html  the plan as a page to search
  reconciler apply --sandbox                    show the plan, approve it, write it
  reconciler sandbox serve                      the same API over HTTP
  reconciler --help

README.md explains how to use the real API.
TEXT
