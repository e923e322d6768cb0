#!/bin/bash
# run.sh NAME error|none DEFINE...: checks one property of own.pml with Spin (Debian: spin, gcc) and says what came out. Status 0 when
# that is what was expected: an error trace where a rule is missing, none where all are there. README.md has the switches.
# A run that does not end within MODEL_SECONDS (600) has failed: it proves nothing.
set -u
here=$(cd "$(dirname "$0")" && pwd)
name=$1 expected=$2
shift 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cp "$here/own.pml" "$work" && cd "$work" || exit 2
# -O1: compiling is most of a short run.
if ! spin "$@" -a own.pml > log 2>&1 || ! gcc -O1 -w -DVECTORSZ=1024 -DNFAIR=3 -DMEMLIM=4000 -o pan pan.c >> log 2>&1; then
	tail -n 20 log
	exit 2
fi
timeout "${MODEL_SECONDS:-600}" ./pan -a -f -m1000000 -N p > log 2>&1
status=$?
errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' log | tail -n 1)
states=$(awk '/states, stored/ { print $1; exit }' log)
# An error ends the search; only a complete one shows that there is none.
found=unknown
if [ "$status" -eq 0 ] && [ "${errors:-0}" -gt 0 ]; then
	found=error
elif [ "$status" -eq 0 ] && [ "${errors:-1}" -eq 0 ] && ! grep -qE 'max search depth too small|Search not completed' log; then
	found=none
fi
echo "$name: $found (expected: $expected), ${states:-?} states"
[ "$found" = "$expected" ]
