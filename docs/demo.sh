#!/usr/bin/env bash
# What `make demo` shows: plan, apply, plan again, on the embedded API in a folder of its own.
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

printf 'The example manifests against the embedded API: no account, no token, no port.\n'
run validate
run plan --sandbox --out plan.json
run apply plan.json --sandbox
run plan --sandbox

cat <<'TEXT'

What to try next, in this folder:

  . .venv/bin/activate
  reconciler plan --sandbox                     the same plan, on a sandbox that stays
  $EDITOR manifests/support/replies.yaml        change a value
  reconciler plan --sandbox --report html=p.html  the same as a page to search
  reconciler apply --sandbox                    see it, approve it, write it
  reconciler sandbox serve                      the same API over HTTP
  reconciler --help

README.md says how to point it at the real API.
TEXT
