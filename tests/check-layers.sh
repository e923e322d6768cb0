#!/bin/sh
# The dependency rule of doc/ARCHITECTURE.md, as a test: which room may include which, which library headers may stand where,
# and, of the pure rooms' libraries, which symbols of libc and others they may need (no clock, no randomness, no descriptor, no
# environment). Speaks TAP. At its end it plants violations in a copy of the tree and wants to see every one of them found.
#
# Environment: top_srcdir, top_builddir (as make sets them; without a build the symbols are skipped).
# shellcheck disable=SC2086,SC2046 # lists of words are meant to be split
set -uf
LC_ALL=C
export LC_ALL

srcdir=${top_srcdir:-$(dirname "$0")/..}
builddir=${top_builddir:-}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

rooms="util model config kube ipam lease announce l2 bgp bfd convert doctor io daemon ctl"
pure_rooms="util model config kube ipam lease announce l2 bgp bfd convert doctor"
count=0
failed=0

# --- The rule itself -------------------------------------------------------------------------------------------------------

# Rooms that ROOM may include.
may_see() {
	case $1 in
	util) echo "util" ;;
	model) echo "util model" ;;
	config | kube | ipam | lease | l2 | bgp | bfd | convert) echo "util model $1" ;;
	# It joins what the protocols and the Leases know into one plan.
	announce) echo "util model announce lease l2 bgp bfd" ;;
	# Plain facts in, findings out: it knows no other room's types.
	doctor) echo "util doctor" ;;
	io) echo "util io" ;;
	daemon) echo "util model config kube ipam lease announce l2 bgp bfd doctor io daemon" ;;
	ctl) echo "util ctl" ;;
	esac
}

# Rooms that one file may include beyond those, as FILE=ROOM: what joins two rooms in a program, outside of their libraries.
extra_rooms="
convert/judge.c=config
"

# System headers of any pure room: types, strings, memory.
pure_headers="assert.h ctype.h errno.h inttypes.h limits.h stdarg.h stdbool.h stddef.h stdint.h stdio.h stdlib.h string.h strings.h"

# Further ones, as FILE-PATTERN=HEADER-PATTERN (of the shell). The first four are libc as text and data only.
extra_headers="
util/addr.c=arpa/inet.h
util/str.c=fnmatch.h
util/str.c=time.h
util/list.h=sys/queue.h
util/map.h=uthash.h
config/read.c=libconfig.h
config/read.c=fcntl.h
config/read.c=unistd.h
config/read.c=sys/stat.h
config/value.c=sys/un.h
kube/*=json-c/*
kube/kubeconfig.c=yaml.h
convert/*=json-c/*
convert/source.c=yaml.h
convert/main.c=getopt.h
l2/filter.c=linux/filter.h
l2/filter.c=linux/if_packet.h
ctl/*=json-c/*
daemon/*=json-c/*
io/*=event2/*
io/*=curl/*
io/*=netlink/*
io/*=systemd/*
"

# Headers of libraries: only where extra_headers has them, be the room pure or not. Everything else is free in io, daemon and ctl.
library_headers="libconfig.h json-c/* yaml.h event.h event2/* curl/* netlink/* systemd/* uthash.h glib.h openssl/* libmnl/* bsd/*"

# Symbols of any pure room's library. What the compiler makes of these (memcpy_chk, strtol of another C standard) counts as the same.
pure_symbols="
malloc calloc realloc reallocarray free abort
memcpy memmove memset explicit_bzero memcmp bcmp memchr memrchr memmem mempcpy rawmemchr
strlen strnlen strcpy strncpy stpcpy strcmp strncmp strcasecmp strncasecmp strchr strrchr strchrnul strstr strspn strcspn strpbrk
strtol strtoul strtoll strtoull strtok_r strsep strdup strndup
qsort bsearch snprintf vsnprintf asprintf vasprintf sscanf
tolower toupper __ctype_b_loc __ctype_tolower_loc __ctype_toupper_loc
__errno_location __assert_fail __stack_chk_fail _GLOBAL_OFFSET_TABLE_
"

# Further ones, as ROOM/OBJECT=SYMBOL-PATTERN. stderr: the last words before abort(), and the log without a sink.
# With glibc 2.41 clang 19 makes fortified forms too: of open() __open_2, of fprintf() one that takes a va_list.
extra_symbols="
util/addr=inet_pton
util/addr=inet_ntop
util/str=fnmatch
util/str=gmtime_r
util/str=timegm
util/mem=fwrite
util/mem=stderr
util/log=fprintf
util/log=vfprintf
util/log=fputs
util/log=fputc
util/log=fwrite
util/log=stderr
config/read=config_*
config/read=open
config/read=open64
config/read=__open*_2
config/read=read
config/read=close
config/read=fstat
config/read=fstat64
config/read=stat
config/read=stat64
config/read=strerror
config/read=realpath
kube/*=json_*
kube/*=array_list_*
kube/kubeconfig=yaml_*
convert/*=json_*
convert/source=yaml_*
convert/source=strtod
"

# A room says what it has to say to its caller: log_line() and its kin are of util, and still not for pure rooms.

# --- How it is checked -----------------------------------------------------------------------------------------------------

# matches WORD PATTERN...: whether a pattern of the shell matches it whole.
matches() {
	word=$1
	shift
	for pattern in "$@"; do
		# shellcheck disable=SC2254 # patterns are meant
		case $word in
		$pattern) return 0 ;;
		esac
	done
	return 1
}

# extra LIST WHERE WHAT: whether LIST has a row whose patterns match both.
extra() {
	for row in $1; do
		matches "$2" "${row%%=*}" && matches "$3" "${row#*=}" && return 0
	done
	return 1
}

# Why FILE (ROOM/NAME) may not include <HEADER>; silent when it may.
judge_system() {
	extra "$extra_headers" "$1" "$2" && return
	if matches "$2" $library_headers; then
		echo "<$2> is not for this file"
	elif matches "${1%%/*}" $pure_rooms && ! matches "$2" $pure_headers; then
		echo "<$2> is not for a pure room"
	fi
}

# Why FILE may not include "HEADER".
judge_project() {
	case $2 in
	config.h) case $1 in *.h) echo "a header may not include config.h" ;; esac ;;
	*/*) matches "${2%%/*}" $(may_see "${1%%/*}") || extra "$extra_rooms" "$1" "${2%%/*}" || echo "${1%%/*} may not see ${2%%/*}" ;;
	*) echo "write it as \"ROOM/$2\"" ;;
	esac
}

# includes ROOM TREE: prints violations of the files in TREE/src/ROOM.
check_includes() {
	(cd "$2/src" && find "$1" -name '*.[ch]' | sort | xargs grep -HnE '^[[:space:]]*#[[:space:]]*include' /dev/null) |
		sed -n 's/^\([^:]*\):\([0-9]*\):[^<"]*\([<"]\)\([^>"]*\)[>"].*/\1 \2 \3 \4/p' >"$tmp/includes"
	while read -r file line kind header; do
		if [ "$kind" = '<' ]; then
			why=$(judge_system "$file" "$header")
		else
			why=$(judge_project "$file" "$header")
		fi
		[ -z "$why" ] || echo "src/$file:$line: $why"
	done <"$tmp/includes"
	# A .c that has a header of its own includes it first, which proves that the header stands by itself.
	awk -v tree="$2/src/" '
	$1 ~ /\.c$/ && $4 != "config.h" && !($1 in first) {
		first[$1] = 1
		own = $1; sub(/\.c$/, ".h", own)
		if ($4 != own && (getline text < (tree own)) >= 0)
			print "src/" $1 ":" $2 ": its own header \"" own "\" comes first"
	}' "$tmp/includes"
}

# symbols ROOM BUILD: prints what BUILD/src/ROOM/libROOM.a needs and may not.
check_symbols() {
	room=$1
	: >"$tmp/own"
	for seen in $(may_see "$room"); do
		[ -f "$2/src/$seen/lib$seen.a" ] && nm --defined-only "$2/src/$seen/lib$seen.a" 2>/dev/null
	done | awk -v room="$room" 'NF == 3 && (room == "util" || $3 !~ /^log_(line|set_sink|set_level)$/) { print $3 }' |
		sort -u >"$tmp/own"
	# One line per symbol and object: "object symbol". Instrumentation of sanitizers, coverage and fuzzers is nobody's wish.
	nm -A -u "$2/src/$room/lib$room.a" 2>/dev/null |
		awk '{ object = $1; sub(/:$/, "", object); sub(/.*:/, "", object); sub(/.*-/, "", object); sub(/\.o$/, "", object)
			symbol = $NF
			if (symbol ~ /^(__asan|__ubsan|__lsan|__sanitizer|__sancov|__gcov|__llvm|__start___|__stop___)/)
				next
			if (symbol ~ /_chk$/ && symbol !~ /^__stack/) { sub(/^__/, "", symbol); sub(/_chk$/, "", symbol) }
			sub(/^__isoc[0-9]+_/, "", symbol)
			print object, symbol }' | sort -u >"$tmp/needed"
	printf '%s\n' $pure_symbols | sort -u >"$tmp/pure"
	awk -v own="$tmp/own" -v pure="$tmp/pure" '
		BEGIN { while ((getline s < own) > 0) ok[s]; while ((getline s < pure) > 0) ok[s] }
		!($2 in ok)' "$tmp/needed" >"$tmp/odd"
	while read -r object symbol; do
		extra "$extra_symbols" "$room/$object" "$symbol" ||
			echo "src/$room/$object.c: calls $symbol, which is not for a pure room"
	done <"$tmp/odd"
}

# --- TAP -------------------------------------------------------------------------------------------------------------------

result() { # 0|1 name
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count - $2"
	else
		echo "not ok $count - $2"
		failed=$((failed + 1))
	fi
}

skip() { # name reason
	count=$((count + 1))
	echo "ok $count - $1 # SKIP $2"
}

# report NAME FILE: passes when FILE is empty, else shows it.
report() {
	if [ -s "$2" ]; then
		sed 's/^/# /' "$2"
		result 1 "$1"
	else
		result 0 "$1"
	fi
}

check_room() {
	if ! find "$srcdir/src/$1" -name '*.[ch]' 2>/dev/null | grep -q .; then
		skip "src/$1: includes" "the room is not built yet"
		return
	fi
	check_includes "$1" "$srcdir" >"$tmp/violations"
	report "src/$1: includes" "$tmp/violations"
	matches "$1" $pure_rooms || return
	if [ -z "$builddir" ]; then
		skip "src/$1: symbols" "no build (top_builddir is not set)"
	elif [ ! -f "$builddir/src/$1/lib$1.a" ]; then
		echo "# src/$1/lib$1.a is missing in the build"
		result 1 "src/$1: symbols"
	else
		check_symbols "$1" "$builddir" >"$tmp/violations"
		report "src/$1: symbols" "$tmp/violations"
	fi
}

# A folder that the table does not know would go unchecked.
check_unknown_rooms() {
	(cd "$srcdir/src" && find . -mindepth 1 -maxdepth 1 -type d) | sed 's,^\./,,' | sort | while read -r room; do
		matches "$room" $rooms || echo "src/$room: not in the table of tests/check-layers.sh"
	done >"$tmp/violations"
	report "every room is in the table" "$tmp/violations"
}

# plant FILE LINE EXPECTED: with LINE at the end of FILE (made if need be), EXPECTED must be among the violations.
plant() {
	planted=$tmp/tree/src/$1
	mkdir -p "${planted%/*}"
	[ ! -f "$planted" ] || cp "$planted" "$tmp/saved"
	echo "$2" >>"$planted"
	check_includes "${1%%/*}" "$tmp/tree" >"$tmp/violations"
	grep -qF -- "$3" "$tmp/violations"
	result $? "finds $2 in src/$1"
	rm -f "$planted"
	[ ! -f "$tmp/saved" ] || mv "$tmp/saved" "$planted"
}

# A file that includes something before its own header.
plant_order() {
	sed 's,^#include "util/addr.h",#include <stddef.h>\n&,' "$srcdir/src/util/addr.c" >"$tmp/tree/src/util/addr.c"
	check_includes util "$tmp/tree" >"$tmp/violations"
	grep -qF '"util/addr.h" comes first' "$tmp/violations"
	result $? "finds that src/util/addr.c includes its own header second"
	cp "$srcdir/src/util/addr.c" "$tmp/tree/src/util/addr.c"
}

# plant_symbol ROOM/NAME BODY EXPECTED: a library whose object NAME has a function with BODY.
plant_symbol() {
	room=${1%%/*}
	name=${1#*/}
	rm -rf "$tmp/build"
	mkdir -p "$tmp/build/src/$room"
	printf '#define _GNU_SOURCE\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <time.h>\n#include <sys/socket.h>\n' >"$tmp/p.c"
	printf '#include <sys/random.h>\n#include <fcntl.h>\n#include <unistd.h>\nlong planted(char *p, size_t n);\n' >>"$tmp/p.c"
	printf 'long planted(char *p, size_t n)\n{\n\t(void)p, (void)n;\n\t%s\n}\n' "$2" >>"$tmp/p.c"
	if ! cc -O1 -c "$tmp/p.c" -o "$tmp/build/src/$room/$name.o" 2>"$tmp/err" ||
		! ar cr "$tmp/build/src/$room/lib$room.a" "$tmp/build/src/$room/$name.o" 2>"$tmp/err"; then
		sed 's/^/# /' "$tmp/err"
		result 1 "compiles $2"
		return
	fi
	check_symbols "$room" "$tmp/build" >"$tmp/violations"
	if [ -n "$3" ]; then
		grep -qF -- "calls $3," "$tmp/violations"
		result $? "finds $2 in lib$room.a"
	else
		report "allows $2 in $1" "$tmp/violations"
	fi
}

self_test() {
	mkdir -p "$tmp/tree"
	cp -r "$srcdir/src" "$tmp/tree/"
	chmod -R u+w "$tmp/tree"
	plant util/addr.c '#include "model/labels.h"' "util may not see model"
	plant model/settings.c '#include "l2/arp.h"' "model may not see l2"
	plant l2/arp.c '#include "io/loop.h"' "l2 may not see io"
	plant l2/arp.c '  #  include "announce/plan.h"' "l2 may not see announce"
	plant lease/planted.c '#include "ipam/allocator.h"' "lease may not see ipam"
	plant announce/plan.c '#include "config/read.h"' "announce may not see config"
	plant announce/plan.c '#include "daemon/daemon.h"' "announce may not see daemon"
	plant io/planted.c '#include "model/service.h"' "io may not see model"
	plant ctl/planted.c '#include "model/service.h"' "ctl may not see model"
	plant convert/pools.c '#include "config/config.h"' "convert may not see config"
	plant convert/main.c '#include "kube/service.h"' "convert may not see kube"
	plant convert/pools.c '#include <yaml.h>' "<yaml.h> is not for this file"
	plant doctor/doctor.c '#include "model/settings.h"' "doctor may not see model"
	plant daemon/planted.c '#include "ctl/command.h"' "daemon may not see ctl"
	plant l2/arp.c '#include "arp.h"' "ROOM/arp.h"
	plant l2/arp.h '#include "config.h"' "may not include config.h"
	plant_order
	plant l2/arp.c '#include <sys/socket.h>' "<sys/socket.h> is not for a pure room"
	plant l2/arp.h '#include <time.h>' "<time.h> is not for a pure room"
	plant model/lease.c '#include <unistd.h>' "<unistd.h> is not for a pure room"
	plant config/check.c '#include <libconfig.h>' "<libconfig.h> is not for this file"
	plant kube/service.c '#include <yaml.h>' "<yaml.h> is not for this file"
	plant lease/planted.c '#include <json-c/json.h>' "<json-c/json.h> is not for this file"
	plant ipam/planted.c '#include <uthash.h>' "<uthash.h> is not for this file"
	plant daemon/planted.c '#include <event2/event.h>' "<event2/event.h> is not for this file"
	plant daemon/planted.c '#include <curl/curl.h>' "<curl/curl.h> is not for this file"
	plant io/planted.c '#include <json-c/json.h>' "<json-c/json.h> is not for this file"
	if ! command -v cc >/dev/null 2>&1; then
		skip "finds planted symbols" "no cc"
		return
	fi
	plant_symbol l2/arp 'return (long)time(NULL);' time
	plant_symbol l2/arp 'struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec;' clock_gettime
	plant_symbol model/lease 'return random();' random
	plant_symbol model/lease 'return (long)getrandom(p, n, 0);' getrandom
	plant_symbol ipam/pool 'return socket(AF_INET, SOCK_STREAM, 0);' socket
	plant_symbol ipam/pool 'return open(p, O_RDONLY);' open
	plant_symbol lease/leader 'return fopen(p, "r") != NULL;' fopen
	plant_symbol lease/leader 'return printf("%s", p);' printf
	plant_symbol kube/service 'return puts(p);' puts
	plant_symbol kube/service 'return *getenv(p);' getenv
	plant_symbol config/check 'return open(p, O_RDONLY);' open
	plant_symbol announce/plan 'return gmtime(&(time_t){0})->tm_year;' gmtime
	plant_symbol announce/plan 'exit(1);' exit
	plant_symbol l2/arp 'extern void log_line(int, void *, size_t, const char *, ...); log_line(0, 0, 0, p); return 0;' log_line
	plant_symbol util/addr 'return fprintf(stderr, "%s", p + 1);' fprintf
	plant_symbol config/read 'return open(p, O_RDONLY);' ""
	plant_symbol l2/arp 'return snprintf(p, n, "%zu", n) + (long)strlen(p) + memcmp(p, p + 1, n);' ""
}

check_unknown_rooms
for r in $rooms; do
	check_room "$r"
done
self_test
echo "1..$count"
[ "$failed" -eq 0 ]
