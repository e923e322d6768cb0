#!/bin/bash
# tests/run.sh [STAGE...]: everything that is tested, on a fresh Debian 12 or 13:   sudo tests/run.sh
#
#   deps        Debian packages, by apt-get
#   apiserver   a real kube-apiserver, built from Debian's sources the first time: five minutes
#   build       with gcc and with clang, warnings are errors
#   unit        make check of both: unit tests, configuration golden files, replay scripts, fuzz corpora, layer check
#   sanitizers  the same under AddressSanitizer and UndefinedBehaviorSanitizer
#   model       the rules of ownership (doc/model), by Spin
#   distcheck   make distcheck
#   format      clang-format
#   lint        shellcheck, mandoc, cppcheck, YAML, exposure of the systemd unit
#   net         end to end in network namespaces, against the test API server, with faults
#   interop     BGP with FRR, BIRD, GoBGP and OpenBGPD in network namespaces
#   kubernetes  end to end against the real kube-apiserver
#   package     the Debian package: built, checked by lintian, installed, upgraded, removed and purged in a root of its own
#   demo        tests/demo.sh
#   fuzz        on request only: libFuzzer, METALLB_FUZZ_SECONDS (60) for each target
#
# The last line is "N passed, N failed, N skipped" over every single case; the exit status is 0 only if none failed.
# The tree is not written to, no service is started, and nothing happens outside of network namespaces made here.
#
# METALLB_TEST_CACHE   what is slow to make and kept between runs   [/var/cache/metallb-tests]
# METALLB_TEST_BUILD   build directory, kept and used again         [a temporary one, kept only after a failure]

set -u
LIB=$(cd "$(dirname "$0")/lib" && pwd)
ROOT=$(cd "$LIB/../.." && pwd)
JOBS=$(nproc)
LAB_PREFIX=mt$$-
export LC_ALL=C.UTF-8 METALLB_TEST_CACHE="${METALLB_TEST_CACHE:-/var/cache/metallb-tests}"
unset MAKEFLAGS MAKELEVEL CFLAGS CPPFLAGS LDFLAGS CC

# shellcheck source=lib/report.sh
. "$LIB/report.sh"
# shellcheck source=lib/packages.sh
. "$LIB/packages.sh"
# shellcheck source=lib/build.sh
. "$LIB/build.sh"
# shellcheck source=lib/deb.sh
. "$LIB/deb.sh"
# shellcheck source=lib/stages.sh
. "$LIB/stages.sh"

ALL_STAGES=(deps apiserver build unit sanitizers model distcheck format lint net interop kubernetes package demo)

usage()
{
	echo "usage: tests/run.sh [STAGE...]" >&2
	echo "stages: ${ALL_STAGES[*]}; on request: fuzz" >&2
	exit 2
}

remove_lab()
{
	[ "$(id -u)" -eq 0 ] && command -v ip > /dev/null || return 0
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$ROOT/tests /usr/bin/python3 -c \
		'import sys; from lab.netns import remove_namespaces; remove_namespaces(sys.argv[1])' "$LAB_PREFIX" 2> /dev/null
}

# shellcheck disable=SC2317 # called by trap
interrupted()
{
	trap - INT TERM HUP
	echo "interrupted"
	if [ -n "$child" ]; then
		kill -TERM -- "-$child" 2> /dev/null
		wait "$child" 2> /dev/null
	fi
	remove_lab
	[ -n "$keep" ] || rm -rf "$BUILD"
	exit 130
}

for name; do
	declare -F "stage_$name" > /dev/null || usage
done
[ $# -gt 0 ] || set -- "${ALL_STAGES[@]}"

keep=${METALLB_TEST_BUILD:+yes}
BUILD=${METALLB_TEST_BUILD:-$(mktemp -d /var/tmp/metallb-tests.XXXXXX)} || exit 2
mkdir -p "$BUILD" && BUILD=$(cd "$BUILD" && pwd) || exit 2
LOGS=$BUILD/logs
RESULTS=$LOGS/results
mkdir -p "$LOGS" && : > "$RESULTS" || exit 2
trap interrupted INT TERM HUP

for stage; do
	echo "== $stage"
	start=$SECONDS
	"stage_$stage"
	awk -F'\t' -v stage="$stage" -v seconds=$((SECONDS - start)) '
		$2 == stage || index($2, stage "/") == 1 { n[$1]++ }
		END { printf "   %d passed, %d failed, %d skipped in %d s\n", n["PASS"], n["FAIL"], n["SKIP"], seconds }' "$RESULTS"
done
remove_lab

echo
status=0
if grep -q '^SKIP' "$RESULTS"; then
	echo "Skipped:"
	sed -n 's/^SKIP\t\([^\t]*\)\t/  \1: /p' "$RESULTS"
fi
if grep -q '^FAIL' "$RESULTS"; then
	echo "Failed (logs in $LOGS):"
	sed -n 's/^FAIL\t\([^\t]*\)\t/  \1: /p' "$RESULTS"
	keep=yes
fi
counts || status=1
[ -n "$keep" ] || rm -rf "$BUILD"
exit "$status"
