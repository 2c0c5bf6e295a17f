#!/usr/bin/env bash
# The script of `make demo`: plan, apply and plan again on the embedded API, in a temporary folder.
set -euo pipefail

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

printf 'The example manifests on the embedded API: no account, token or port is needed.\n'
run validate
run plan --sandbox --out plan.json
run apply plan.json --sandbox
run plan --sandbox

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
