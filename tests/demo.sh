#!/bin/bash
# tests/demo.sh [--keep] [--real]: a Service gets an address, a LAN reaches it, a node dies, the LAN reaches it again.
#
#   sudo tests/demo.sh            about a minute, most of it compiling
#   --keep                        goes on running until Ctrl-C, and says how to look around
#   --real                        with a real kube-apiserver instead of the test API server; the first time it is built
#                                 from Debian's sources (tests/k8s/build.sh, five minutes)
#
# On a fresh Debian 12 or 13 it installs what it needs with apt-get. Everything else happens in network namespaces and
# temporary directories, which are removed at the end.
#
# METALLB_DEMO_BUILD   a build directory to use instead of building

set -u
LIB=$(cd "$(dirname "$0")/lib" && pwd)
ROOT=$(cd "$LIB/../.." && pwd)
JOBS=$(nproc)
export LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
unset MAKEFLAGS MAKELEVEL

# shellcheck source=lib/packages.sh
. "$LIB/packages.sh"
# shellcheck source=lib/build.sh
. "$LIB/build.sh"

usage()
{
	echo "usage: tests/demo.sh [--keep] [--real]" >&2
	exit 2
}

# quietly LOG CMD...: CMD; its output only if it fails.
quietly()
{
	local log=$1
	shift
	if ! "$@" > "$log" 2>&1 < /dev/null; then
		tail -n 60 "$log" >&2
		echo "failed: $*" >&2
		exit 1
	fi
}

build()
{
	echo "Building in $BUILD ..."
	quietly "$BUILD/copy.log" copy_sources "$BUILD/src"
	quietly "$BUILD/autogen.log" "$BUILD/src/autogen.sh"
	quietly "$BUILD/configure.log" configure_in demo
	quietly "$BUILD/make.log" make -C "$BUILD/demo" -j"$JOBS"
}

keep=
real=
for option; do
	case $option in
	--keep) keep=--keep ;;
	--real) real=yes ;;
	*) usage ;;
	esac
done

if [ "$(id -u)" -ne 0 ]; then
	echo "tests/demo.sh makes network namespaces: run it as root (sudo tests/demo.sh)" >&2
	exit 1
fi
BUILD=$(mktemp -d /var/tmp/metallb-demo.XXXXXX) || exit 1
trap 'rm -rf "$BUILD"' EXIT
trap 'exit 130' INT TERM HUP

# shellcheck disable=SC2086 # lists of words
if [ -n "$(missing_packages $BUILD_PACKAGES $LAB_PACKAGES)" ]; then
	echo "Installing packages ..."
	quietly "$BUILD/packages.log" install_packages $BUILD_PACKAGES $LAB_PACKAGES
fi
if [ -n "${METALLB_DEMO_BUILD-}" ]; then
	programs=$METALLB_DEMO_BUILD
else
	build
	programs=$BUILD/demo
fi
if [ -n "$real" ]; then
	echo "Looking for kube-apiserver, building it if there is none ..."
	quietly "$BUILD/k8s.log" "$LIB/../k8s/build.sh"
	set -- --real "$(tail -n 1 "$BUILD/k8s.log")"
else
	set --
fi
[ -z "$keep" ] || set -- "$@" "$keep"
# Signals that would end this script are passed on, and the clean-up is waited for.
/usr/bin/python3 "$LIB/../lab/demo.py" "$programs" "$@" &
child=$!
trap 'kill -TERM "$child" 2> /dev/null' INT TERM HUP
status=0
while kill -0 "$child" 2> /dev/null; do
	wait "$child"
	status=$?
done
exit "$status"
