#!/bin/sh
# good/* must come out as *.conf, which the real metallbd -t must take; bad/* must give exactly *.err and status 1. FILE.args has
# further arguments. One TAP line each. With --update the expected files are written anew: look at the diff.
set -u
LC_ALL=C
export LC_ALL
convert=${top_builddir:?}/src/convert/metallb-convert
metallbd=$top_builddir/src/daemon/metallbd
cd "${top_srcdir:?}/tests/convert" || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
n=0

result() {
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		sed 's/^/# /' "$tmp/diff"
	fi
}

# run INPUT: standard output in $tmp/out without the version, standard error in $tmp/err, and the status.
run() {
	args=
	if [ -e "$1.args" ]; then args=$(cat "$1.args"); fi
	# shellcheck disable=SC2086 # words of a file that is part of the test
	"$convert" $args "$1" >"$tmp/raw" 2>"$tmp/err"
	status=$?
	sed '1s/metallb-convert [0-9][^ ]*/metallb-convert VERSION/' "$tmp/raw" >"$tmp/out"
	return $status
}

update=0
[ "${1:-}" != --update ] || update=1

for f in good/*.json good/*.yaml; do
	expected=${f%.*}.conf
	run "$f"
	status=$?
	[ $update = 0 ] || cp "$tmp/out" "$expected"
	{ [ $status = 0 ] || echo "exit status $status"
	  cat "$tmp/err"
	  diff -u "$expected" "$tmp/out"; } >"$tmp/diff" 2>&1
	[ ! -s "$tmp/diff" ]
	result $? "$f"
	"$metallbd" -t -f "$expected" >"$tmp/diff" 2>&1
	result $? "metallbd -t takes what $f becomes"
done
for f in bad/*.json bad/*.yaml; do
	expected=${f%.*}.err
	run "$f"
	status=$?
	[ $update = 0 ] || cp "$tmp/err" "$expected"
	{ [ $status = 1 ] || echo "exit status $status"
	  cat "$tmp/out"
	  diff -u "$expected" "$tmp/err"; } >"$tmp/diff" 2>&1
	[ ! -s "$tmp/diff" ]
	result $? "$f"
done

# Standard input, and several files, are the same as one file with all.
"$convert" <good/bgp.yaml 2>&1 | sed '1s/metallb-convert [0-9][^ ]*/metallb-convert VERSION/' | diff -u good/bgp.conf - >"$tmp/diff"
result $? "standard input"
"$convert" -x >"$tmp/out" 2>"$tmp/diff"
[ $? = 2 ] && [ ! -s "$tmp/out" ]
result $? "an unknown option is answered by the usage and status 2"
"$convert" good/no-such-file >"$tmp/out" 2>"$tmp/diff"
[ $? = 1 ] && [ ! -s "$tmp/out" ] &&
	[ "$(cat "$tmp/diff")" = "metallb-convert: good/no-such-file: cannot be read: No such file or directory" ]
result $? "a file that is not there"
"$convert" good/bgp.yaml good/configmap.yaml >"$tmp/conf" 2>"$tmp/diff" && "$metallbd" -t -f "$tmp/conf" >>"$tmp/diff" 2>&1 &&
	grep -q 'name = "tor-a"' "$tmp/conf" && grep -q 'name = "peer1"' "$tmp/conf"
result $? "two files"
echo "1..$n"
