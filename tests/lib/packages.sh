# shellcheck shell=bash disable=SC2034 # used by those who source this
# Debian packages that building and testing need, and their installation. Sourced by tests/run.sh and tests/demo.sh.

BUILD_PACKAGES="autoconf autoconf-archive automake gcc libc6-dev libcmocka-dev libconfig-dev libcurl4-openssl-dev
	libevent-dev libjson-c-dev libnl-3-dev libnl-route-3-dev libssl-dev libsystemd-dev libyaml-dev make pkg-config
	uthash-dev xz-utils"
LAB_PACKAGES="bird2 ca-certificates curl iproute2 nftables openssl procps python3 python3-yaml tcpdump"
TEST_PACKAGES="clang conntrack cppcheck frr git gobgpd iptables libclang-rt-dev mandoc nghttp2-server openbgpd prometheus
	python3-pytest python3-scapy shellcheck spin systemd"
PACKAGE_PACKAGES="debhelper debootstrap dpkg-dev fakeroot libcmocka-dev lintian pkg-config"
# Where kubectl came from elsewhere, Debian's would be in its way.
command -v kubectl > /dev/null || TEST_PACKAGES="$TEST_PACKAGES kubernetes-client"

# missing_packages NAME...: those that are not installed.
missing_packages()
{
	local name
	for name; do
		dpkg-query -W -f '${db:Status-Status}\n' "$name" 2> /dev/null | grep -qx installed || echo "$name"
	done
}

# install_packages NAME...: with apt-get, without a question. No service is started by it: where the machine has no
# policy-rc.d of its own that forbids it, there is one while apt-get runs.
install_packages()
{
	local policy=/usr/sbin/policy-rc.d status=0
	local -a missing
	mapfile -t missing < <(missing_packages "$@")
	[ ${#missing[@]} -eq 0 ] && return 0
	if ! command -v apt-get > /dev/null; then
		echo "not a Debian system; install the counterparts of: ${missing[*]}"
		return 1
	fi
	if [ "$(id -u)" -ne 0 ]; then
		echo "not root; run: apt-get install --no-install-recommends ${missing[*]}"
		return 1
	fi
	if [ ! -e "$policy" ]; then
		printf '#!/bin/sh\nexit 101\n' > "$policy"
		chmod 755 "$policy"
	else
		policy=
	fi
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -q && apt-get install -q -y --no-install-recommends "${missing[@]}" || status=$?
	[ -z "$policy" ] || rm -f "$policy"
	return "$status"
}
