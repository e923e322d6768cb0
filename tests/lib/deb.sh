# shellcheck shell=bash
# The Debian package: built as Debian would, judged by lintian, and lived with in a root of its own. Sourced by tests/run.sh.
#
# $DEB is the package under test, $DEB_ROOT the root that it is tried in; no network namespace is shared with it but
# while apt-get fetches what it depends on.

# build_deb: from the copy of the tree, without the tests that the other stages run.
build_deb()
{
	rm -rf "$BUILD/deb" && mkdir -p "$BUILD/deb" && cp -a "$BUILD/src" "$BUILD/deb/metallb" &&
		(cd "$BUILD/deb/metallb" && DEB_BUILD_OPTIONS="nocheck parallel=$JOBS" dpkg-buildpackage -b -us -uc)
}

# in_root CMD...: in $DEB_ROOT, with a /proc, and dead with its parent.
in_root()
{
	unshare --mount --pid --fork --kill-child chroot "$DEB_ROOT" /bin/sh -c 'mount -t proc proc /proc && exec "$@"' sh "$@"
}

# make_root: $DEB_ROOT from the cache, which gets it from this machine's Debian archive the first time: a minimal system
# and what the package depends on.
make_root()
{
	local codename cached archive
	codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
	cached=$METALLB_TEST_CACHE/root-$codename.tar
	rm -rf "$DEB_ROOT" && mkdir -p "$DEB_ROOT" "$METALLB_TEST_CACHE" || return
	if [ -s "$cached" ]; then
		tar -C "$DEB_ROOT" -xf "$cached"
		return
	fi
	# shellcheck disable=SC2016 # apt's own variables
	archive=$(apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' |
		sed -n 's/^Debian|Debian|//p' | head -n 1)
	debootstrap --variant=minbase "$codename" "$DEB_ROOT" "${archive:-http://deb.debian.org/debian}" || return
	cp -L /etc/resolv.conf "$DEB_ROOT/etc/resolv.conf"
	in_root apt-get -q update && in_root apt-get -q satisfy -y --no-install-recommends "$(dpkg-deb -f "$DEB" Depends)" &&
		in_root apt-get clean && tar -C "$DEB_ROOT" -cf "$cached.new" . && mv "$cached.new" "$cached"
}

# apt_in_root ARG...: apt-get, as an administrator whose services may not start (there is no systemd that runs).
apt_in_root()
{
	in_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends "$@"
}

install_deb()
{
	cp "$DEB" "$DEB_ROOT/metallb.deb" && apt_in_root install /metallb.deb &&
		in_root getent passwd metallb && [ "$(in_root stat -c '%U:%G %a' /etc/metallb)" = "root:metallb 750" ] &&
		[ -L "$DEB_ROOT/etc/systemd/system/multi-user.target.wants/metallbd.service" ]
}

smoke_in_root()
{
	cp "$BUILD/src/debian/tests/smoke" "$DEB_ROOT/smoke" &&
		unshare --net --mount --pid --fork --kill-child chroot "$DEB_ROOT" /bin/sh -c 'mount -t proc proc /proc && exec /smoke'
}

# The next version: the same files, but another shipped metallb.conf, as a new release would have.
make_upgrade()
{
	local tree=$BUILD/deb/upgrade
	rm -rf "$tree" && dpkg-deb -R "$DEB" "$tree" && sed -i 's/^Version: .*/&+1/' "$tree/DEBIAN/control" &&
		echo '# of the next release' >> "$tree/etc/metallb.conf" && dpkg-deb --root-owner-group -b "$tree" "$DEB_ROOT/upgrade.deb"
}

# What the administrator and the daemon wrote is there after an upgrade, byte for byte.
upgrade_deb()
{
	local mine='address-pools: ( { name = "mine"; addresses = ["192.0.2.0/28"]; } );'
	echo "$mine" > "$DEB_ROOT/etc/metallb.conf"
	echo secret > "$DEB_ROOT/etc/metallb/token" && mkdir -p "$DEB_ROOT/var/lib/metallb" && echo state > "$DEB_ROOT/var/lib/metallb/x"
	make_upgrade && apt_in_root -o Dpkg::Options::=--force-confold install /upgrade.deb &&
		[ "$(cat "$DEB_ROOT/etc/metallb.conf")" = "$mine" ] && [ -e "$DEB_ROOT/etc/metallb.conf.dpkg-dist" ] &&
		[ -e "$DEB_ROOT/etc/metallb/token" ] && [ -e "$DEB_ROOT/var/lib/metallb/x" ] && in_root metallbd -t
}

remove_deb()
{
	apt_in_root remove metallb && [ ! -e "$DEB_ROOT/usr/sbin/metallbd" ] && [ -e "$DEB_ROOT/etc/metallb.conf" ] &&
		[ -e "$DEB_ROOT/etc/metallb/token" ] && [ -e "$DEB_ROOT/var/lib/metallb/x" ]
}

purge_deb()
{
	local left
	apt_in_root purge metallb || return
	left=$(find "$DEB_ROOT/etc" "$DEB_ROOT/usr" "$DEB_ROOT/lib" "$DEB_ROOT/var/lib/metallb" -name '*metallb*' -not -path '*/dpkg/*' 2> /dev/null)
	[ -z "$left" ] || {
		echo "left behind: $left"
		return 1
	}
}
