#!/bin/sh
# good/*.conf must come out as *.ok (and warn as *.warn says), and *.ok as itself; bad/*.conf must give exactly
# the lines of *.err. One TAP line each. With --update the expected files are written anew: look at the diff.
set -u
LC_ALL=C
export LC_ALL
tool=${top_builddir:?}/tests/config/configtool
cd "${top_srcdir:?}/tests/config" || exit 1
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

# compare EXPECTED GOT: an expected file that is not there is empty.
compare() {
	if [ -e "$1" ]; then diff -u "$1" "$2"; else diff -u /dev/null "$2"; fi
}

if [ "${1:-}" = --update ]; then
	for f in bad/*.conf; do "$tool" check "$f" >"${f%.conf}.err"; done
	for f in good/*.conf; do
		"$tool" print "$f" >"${f%.conf}.ok" 2>"$tmp/warn"
		rm -f "${f%.conf}.warn"
		if [ -s "$tmp/warn" ]; then cp "$tmp/warn" "${f%.conf}.warn"; fi
	done
	exit 0
fi

for f in bad/*.conf; do
	"$tool" check "$f" >"$tmp/out" 2>"$tmp/stderr"
	status=$?
	{ [ $status = 1 ] || echo "exit status $status"
	  cat "$tmp/stderr"
	  compare "${f%.conf}.err" "$tmp/out"; } >"$tmp/diff"
	[ ! -s "$tmp/diff" ]
	result $? "$f"
done
for f in good/*.conf; do
	"$tool" print "$f" >"$tmp/out" 2>"$tmp/stderr"
	status=$?
	{ [ $status = 0 ] || echo "exit status $status"
	  compare "${f%.conf}.warn" "$tmp/stderr"
	  compare "${f%.conf}.ok" "$tmp/out"; } >"$tmp/diff"
	[ ! -s "$tmp/diff" ]
	result $? "$f"
	{ "$tool" print "$tmp/out" 2>/dev/null || echo "cannot be read again"; } | diff -u "$tmp/out" - >"$tmp/diff"
	result $? "$f, printed and read again"
done
echo "1..$n"
