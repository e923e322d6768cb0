#!/bin/sh
# What is made from the table of keys must be up to date (make update-config), and etc/metallb.conf must be
# valid, as shipped and with every key uncommented.
set -u
LC_ALL=C
export LC_ALL
tool=${top_builddir:?}/tests/config/configtool
man=${top_srcdir:?}/man/metallb.conf.5
conf=$top_srcdir/etc/metallb.conf
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

sed -n '/^\.\\" BEGIN KEYS/,/^\.\\" END KEYS/p' "$man" | sed '1d;$d' >"$tmp/man"
"$tool" mdoc | diff -u "$tmp/man" - >"$tmp/diff"
result $? "metallb.conf.5 has the reference of the table"
"$tool" example | diff -u "$conf" - >"$tmp/diff"
result $? "etc/metallb.conf is what the table makes"

"$tool" check "$conf" >"$tmp/diff" 2>&1
result $? "etc/metallb.conf is valid as shipped"
# "#key" is a key, "# text" is not.
sed 's/^\([[:blank:]]*\)#\([^[:blank:]]\)/\1\2/' "$conf" >"$tmp/all.conf"
"$tool" check "$tmp/all.conf" >"$tmp/diff" 2>&1
result $? "etc/metallb.conf is valid with every key"
"$tool" print "$tmp/all.conf" >"$tmp/printed" 2>"$tmp/diff" &&
	"$tool" print "$tmp/printed" | diff -u "$tmp/printed" - >"$tmp/diff"
result $? "etc/metallb.conf with every key, printed and read again"

"$tool" keys >"$tmp/keys"
while read -r path; do
	key=${path##*.}
	{ grep -q "^\.It Ic $key\$" "$tmp/man" || grep -q "^\.Ss $key\$" "$tmp/man" || echo "$path is not in metallb.conf.5"
	  grep -q "^[[:blank:]]*#*$key\( =\|:\) " "$conf" || echo "$path is not in etc/metallb.conf"
	  grep -q "^[[:blank:]]*$key\( =\|:\) " "$tmp/printed" || echo "$path is not printed"; } >"$tmp/diff"
	[ ! -s "$tmp/diff" ]
	result $? "$path"
done <"$tmp/keys"

if command -v mandoc >/dev/null; then
	mandoc -Tlint -W warning "$man" >"$tmp/diff" 2>&1
	result $? "mandoc has no complaint"
else
	n=$((n + 1))
	echo "ok $n # SKIP mandoc is not installed"
fi
echo "1..$n"
