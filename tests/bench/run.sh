#!/bin/sh
# tests/bench/run.sh [--real] [NAME...]: the budgets of metallbd, measured. See README.md beside this file.
#
# METALLB_BENCH_BUILD   a build directory without sanitizers   [one is made for the run: gcc, -O2]

set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
work=

cleanup()
{
	[ -z "$work" ] || rm -rf "$work"
}

build()
{
	mkdir "$work/source" "$work/build"
	# What is built in the tree itself, and git's files, stay behind.
	tar -C "$top" --exclude=./.git --exclude='*.o' --exclude='*.a' --exclude=./config.status --exclude=./Makefile \
		-cf - . | tar -C "$work/source" -xf -
	cd "$work/source" && ./autogen.sh
	cd "$work/build" && "$work/source/configure" -q CFLAGS='-O2 -g' && make -s -j2
}

case " $* " in
*" -h "* | *" --help "*) exec /usr/bin/python3 "$here/bench.py" --help ;;
esac
if [ "$(id -u)" != 0 ]; then
	echo "run.sh: network namespaces need root: sudo tests/bench/run.sh" >&2
	exit 2
fi
if [ -z "${METALLB_BENCH_BUILD-}" ]; then
	trap cleanup EXIT
	trap 'exit 130' INT TERM
	work=$(mktemp -d /var/tmp/metallb-bench.XXXXXX)
	echo "building in $work ..."
	if ! build > "$work/log" 2>&1; then
		tail -n 30 "$work/log" >&2
		exit 1
	fi
	METALLB_BENCH_BUILD=$work/build
fi
cd /
/usr/bin/python3 "$here/bench.py" --build "$METALLB_BENCH_BUILD" "$@"
