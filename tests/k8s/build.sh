#!/bin/bash
# tests/k8s/build.sh: a real kube-apiserver (and kube-proxy, and etcd) for the tests. Prints the directory on its last line.
#
# kube-apiserver is in no Debian release as a binary. Debian 12 has its whole source, though, in the source package
# "kubernetes" (1.20.2); Debian 13's package of that name is the client alone. So the source is taken from Debian 12's
# archive on both, and with it the compiler that it can be built with, Go 1.19. Nothing is installed: packages are
# unpacked below the build directory. It takes about five minutes on two cores, 250 MB of network and 3 GB of disk; what
# comes out is kept in $METALLB_TEST_CACHE/k8s-VERSION and used again.
#
# Two traps of this source with that compiler:
# - module mode fails ("updates to go.mod needed"), so it is built in GOPATH mode, after "make generated_files";
# - its own copy of reflect2 1.0.1 crashes with Go 1.18 and later ("fatal error: fault" in mapiterinit, at the first
#   PATCH), so it gets Debian's 1.0.2.
#
# METALLB_TEST_DEBIAN   archive to use                      [that of this machine's own apt configuration]
# METALLB_TEST_GO_JOBS  packages that Go compiles at once   [one for each processor]

set -euo pipefail

VERSION=1.20.2
PROGRAMS="kube-apiserver kube-proxy"
CACHE=${METALLB_TEST_CACHE:-/var/cache/metallb-tests}
OUT=$CACHE/k8s-$VERSION
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
WORK=

cleanup()
{
	# Go makes its module and build caches read-only.
	[ -z "$WORK" ] || { chmod -R u+w "$WORK" && rm -rf "$WORK"; }
}

# Where this machine gets Debian from: the first archive in apt's configuration that says it is Debian's main one.
archive()
{
	local uri
	if [ -n "${METALLB_TEST_DEBIAN-}" ]; then
		echo "$METALLB_TEST_DEBIAN"
		return
	fi
	# shellcheck disable=SC2016 # apt's own variables
	uri=$(apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' |
		sed -n 's/^Debian|Debian|//p' | head -n 1)
	echo "${uri:-http://deb.debian.org/debian}"
}

# apt-get with Debian 12's package lists in the build directory, and nothing of the machine's own.
bookworm_apt()
{
	apt-get -q -o Dir::Etc::sourcelist="$WORK/sources.list" -o Dir::Etc::sourceparts=/dev/null \
		-o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
		-o Dir::State::lists="$WORK/lists" -o Dir::State::status="$WORK/status" -o Dir::Cache="$WORK/cache" \
		-o APT::Sandbox::User=root -o APT::Default-Release= "$@"
}

fetch()
{
	mkdir -p "$WORK/lists/partial" "$WORK/cache/archives/partial" "$WORK/deb" "$WORK/root"
	: > "$WORK/status"
	printf '%s [signed-by=%s] %s bookworm main\n' deb "$KEYRING" "$(archive)" deb-src "$KEYRING" "$(archive)" \
		> "$WORK/sources.list"
	bookworm_apt update
	(cd "$WORK/deb" && bookworm_apt download "$@")
	for package in "$WORK"/deb/*.deb; do
		dpkg-deb --extract "$package" "$WORK/root"
	done
}

# Moves one program to its place in the cache in one step: what is there is whole, also after an interruption.
keep()
{
	install -m 755 "$1" "$OUT/.$2.$$"
	mv "$OUT/.$2.$$" "$OUT/$2"
}

build_kubernetes()
{
	local source=$WORK/gopath/src/k8s.io/kubernetes flags="-s -w" package program
	(cd "$WORK" && bookworm_apt source --download-only kubernetes)
	mkdir -p "$source"
	tar -x -C "$source" --strip-components=1 -f "$WORK"/kubernetes_*.orig.tar.gz
	rm -rf "$source/vendor/github.com/modern-go/reflect2"
	cp -a "$WORK/root/usr/share/gocode/src/github.com/modern-go/reflect2" "$source/vendor/github.com/modern-go/"

	export GOROOT=$WORK/root/usr/lib/go-1.19 GOPATH=$WORK/gopath GOCACHE=$WORK/gocache GO111MODULE=off CGO_ENABLED=0 GOFLAGS=
	export PATH=$GOROOT/bin:$PATH
	if [ -n "${METALLB_TEST_GO_JOBS-}" ]; then
		GOFLAGS=-p=$METALLB_TEST_GO_JOBS
	fi
	cd "$source"
	make generated_files
	for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
		package=k8s.io/kubernetes/vendor/$package
		flags+=" -X $package.gitVersion=v$VERSION -X $package.gitMajor=${VERSION%%.*} -X $package.gitMinor=20"
	done
	for program in $PROGRAMS; do
		go build -ldflags "$flags" -o "$WORK/$program" "k8s.io/kubernetes/cmd/$program"
		[ "$("$WORK/$program" --version)" = "Kubernetes v$VERSION" ]
		keep "$WORK/$program" "$program"
	done
	cd /
}

need_kubernetes=
for program in $PROGRAMS; do
	[ -x "$OUT/$program" ] || need_kubernetes=yes
done

if [ -n "$need_kubernetes" ] || [ ! -x "$OUT/etcd" ]; then
	mkdir -p "$OUT"
	# One build at a time, also when several test runs share the cache; who waited finds it done.
	exec 9> "$CACHE/.k8s-$VERSION.lock"
	if ! flock -n 9; then
		echo "another build of Kubernetes $VERSION is under way; waiting for it"
		flock 9
		exec 9>&-
		exec "$0"
	fi
	trap cleanup EXIT
	trap 'exit 130' INT TERM HUP
	WORK=$(mktemp -d /var/tmp/metallb-k8s.XXXXXX)
	if [ -n "$need_kubernetes" ]; then
		if [ -z "$(command -v make)" ] || [ -z "$(command -v rsync)" ]; then
			DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends make rsync
		fi
		fetch etcd-server golang-1.19-go golang-1.19-src golang-github-modern-go-reflect2-dev
		build_kubernetes
	else
		fetch etcd-server
	fi
	keep "$WORK/root/usr/bin/etcd" etcd
fi
echo "$OUT"
