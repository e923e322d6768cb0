# shellcheck shell=bash
# The stages of tests/run.sh, in the order in which they run; each is a function stage_NAME. Sourced by tests/run.sh.

stage_deps()
{
	# shellcheck disable=SC2086 # lists of words
	case_of "Debian packages" "$LOGS/deps.log" install_packages $BUILD_PACKAGES $LAB_PACKAGES $TEST_PACKAGES
	# The version that .clang-format is frozen for; other Debian releases do not have it.
	if [ -z "$(missing_packages clang-format-14)" ]; then
		return
	elif apt-cache policy clang-format-14 2> /dev/null | grep -q 'Candidate: [0-9]'; then
		case_of "clang-format-14" "$LOGS/deps-format.log" install_packages clang-format-14
	fi
}

# prepare: the copy of the tree with its configure script; once.
prepared=
prepare()
{
	[ -z "$prepared" ] || return "$prepared"
	prepared=1
	case_of "copy of the sources" "$LOGS/copy.log" copy_sources "$BUILD/src" || return
	case_of "autogen.sh" "$LOGS/autogen.log" "$BUILD/src/autogen.sh" || return
	prepared=0
}

# need NAME: the build NAME, made now if it was not; 1 if it cannot be had. A build is a case of the stage that needs it first.
declare -A built=()
need()
{
	local name=$1
	local -a options
	[ -z "${built[$name]-}" ] || return "${built[$name]}"
	built[$name]=1
	case $name in
	gcc) options=(CC=gcc) ;;
	clang) options=(CC=clang) ;;
	sanitizers) options=(CC=gcc --enable-sanitizers) ;;
	fuzzers) options=(CC=clang --enable-fuzzers --enable-sanitizers) ;;
	esac
	prepare || return
	case_of "configure ($name)" "$LOGS/$name-configure.log" configure_in "$name" --enable-werror "${options[@]}" || return
	case_of "build ($name)" "$LOGS/$name-build.log" programs_of "$name" || return
	built[$name]=0
}

stage_build()
{
	need gcc
	need clang
}

# need_apiserver: $kubernetes, the directory of a real kube-apiserver and etcd. From then on unit tests find them too: kubesim
# is compared with the truth.
kubernetes=
need_apiserver()
{
	[ -z "$kubernetes" ] || return 0
	case_of "kube-apiserver from Debian's sources" "$LOGS/apiserver.log" "$ROOT/tests/k8s/build.sh" || return
	kubernetes=$(tail -n 1 "$LOGS/apiserver.log")
	export KUBE_APISERVER="$kubernetes/kube-apiserver" PATH="$PATH:$kubernetes"
}

stage_apiserver()
{
	need_apiserver
}

# check_in NAME: "make check" in a build; each TAP case counts.
check_in()
{
	local name=$1 status=0
	need "$name" || return
	find "$BUILD/$name" -name '*.trs' -delete
	logged "$LOGS/$name-check.log" timeout 900 make -C "$BUILD/$name" -j"$JOBS" -k check || status=$?
	stage="$stage/$name"
	automake_results "$BUILD/$name" || result FAIL "make check ran no test"
	if [ "$status" -ne 0 ]; then
		grep -q "^FAIL	$stage	" "$RESULTS" || result FAIL "make check: exit status $status"
		show_failed "$BUILD/$name"
	fi
	stage=${stage%%/*}
}

# show_failed DIR: the logs of the tests that failed in DIR; where there are none, why make stopped.
show_failed()
{
	local trs any=
	while IFS= read -r trs; do
		any=1
		echo "--- ${trs#"$1"/}"
		grep -v '^ok ' "${trs%.trs}.log" | tail -n 40
	done < <(find "$1" -name '*.trs' -exec grep -lE '^:test-result: (FAIL|ERROR|XPASS)' {} +)
	[ -n "$any" ] || tail -n 40 "$LOGS/${1##*/}-check.log"
}

stage_unit()
{
	check_in gcc
	check_in clang
}

stage_sanitizers()
{
	check_in sanitizers
}

model_runs()
{
	grep -v '^#' "$ROOT/doc/model/runs" | xargs -L 1 -P "$JOBS" "$ROOT/doc/model/run.sh"
}

# The rules of ownership, checked by Spin: what a rule is for must show without it, and with all of them nothing.
stage_model()
{
	local name expected
	if ! command -v spin > /dev/null; then
		result SKIP "all of it # spin is not installed"
		return
	fi
	logged "$LOGS/model.log" model_runs
	while read -r name expected _; do
		case $name in
		'#'*) continue ;;
		esac
		if grep -q "^$name: $expected (expected: $expected)" "$LOGS/model.log"; then
			result PASS "$name: $expected"
		else
			result FAIL "$name: $expected"
			grep "^$name:" "$LOGS/model.log" || tail -n 20 "$LOGS/model.log"
		fi
	done < "$ROOT/doc/model/runs"
}

stage_distcheck()
{
	need gcc || return
	case_of "make distcheck" "$LOGS/distcheck.log" timeout 900 make -C "$BUILD/gcc" -j"$JOBS" distcheck
}

# sources_like PATTERN...: files of the copy, without what autogen.sh and pytest made.
tree_files()
{
	(cd "$BUILD/src" && find . \( -name build-aux -o -name m4 -o -name autom4te.cache -o -name .git \) -prune -o -type f "$@" -print |
		sed 's|^\./||' | sort)
}

stage_format()
{
	local file
	if ! command -v clang-format-14 > /dev/null; then
		result SKIP "clang-format # needs version 14 (the package clang-format-14), which this system does not have"
		return
	fi
	prepare || return
	while IFS= read -r file; do
		case_of "$file" "$LOGS/format.log" clang-format-14 -n -Werror "$BUILD/src/$file"
	done < <(tree_files \( -name '*.c' -o -name '*.h' \))
}

shell_scripts()
{
	tree_files -size -200k | while IFS= read -r file; do
		case $file in
		configure | *.py | *.c | *.h) ;;
		*.sh) echo "$file" ;;
		*) if head -n 1 "$BUILD/src/$file" | grep -qaE '^#!.*/(ba|da)?sh\b'; then echo "$file"; fi ;;
		esac
	done
}

# The copy is the tree that is looked at; the warnings name files relative to it.
in_copy()
{
	(cd "$BUILD/src" && "$@")
}

stage_lint()
{
	local file queue
	prepare || return
	while IFS= read -r file; do
		case_of "shellcheck $file" "$LOGS/shellcheck.log" in_copy shellcheck "$file"
	done < <(shell_scripts)
	while IFS= read -r file; do
		case_of "mandoc $file" "$LOGS/mandoc.log" in_copy mandoc -Tlint -Wwarning "$file"
	done < <(tree_files -path './man/*.[0-9]')
	while IFS= read -r file; do
		case_of "compiles $file" "$LOGS/python.log" in_copy /usr/bin/python3 -c \
			'import sys; compile(open(sys.argv[1]).read(), sys.argv[1], "exec")' "$file"
	done < <(tree_files -name '*.py')
	while IFS= read -r file; do
		case_of "YAML $file" "$LOGS/yaml.log" in_copy /usr/bin/python3 -c \
			'import sys, yaml; list(yaml.safe_load_all(open(sys.argv[1])))' "$file"
	done < <(tree_files \( -name '*.yaml' -o -name '*.yml' \) -not -path './tests/convert/bad/*' -not -path './tests/fuzz/corpus/*')
	# cppcheck reads no system headers; without this one the list macros are syntax errors.
	queue=$(echo '#include <sys/queue.h>' | gcc -E -M -x c - | tr ' ' '\n' | grep '/sys/queue\.h$')
	case_of cppcheck "$LOGS/cppcheck.log" in_copy cppcheck --quiet --error-exitcode=1 --std=c11 -j "$JOBS" \
		--enable=warning,performance,portability --inline-suppr --suppressions-list=tests/lib/cppcheck.suppressions \
		--template='{file}:{line}: {severity}: {message} [{id}]' --include="$queue" -DHAVE_CONFIG_H -I src src tests
	lint_unit
}

# The exposure of the installed unit, as systemd itself judges it: at most 2.0.
lint_unit()
{
	local unit=$BUILD/gcc/systemd/metallbd.service
	if ! command -v systemd-analyze > /dev/null; then
		result SKIP "unit exposure # systemd-analyze is not installed"
		return
	fi
	[ -e "$BUILD/src/systemd/metallbd.service.in" ] || return
	need gcc || return
	if [ ! -e "$unit" ]; then
		result SKIP "unit exposure # this build makes no unit file"
		return
	fi
	case_of "unit exposure" "$LOGS/unit.log" systemd-analyze security --no-pager --offline=true --threshold=20 "$unit"
}

# namespaces_work: whether this machine lets us make a lab at all; if not, that is one skipped case.
namespaces_work()
{
	local name=${LAB_PREFIX}probe why
	if [ "$(id -u)" -ne 0 ]; then
		result SKIP "all of it # not root"
		return 1
	fi
	if why=$(ip netns add "$name" 2>&1 && ip netns exec "$name" true 2>&1); then
		ip netns del "$name"
		return 0
	fi
	result SKIP "all of it # no network namespaces here: ${why%%$'\n'*}"
	ip netns del "$name" 2> /dev/null
	return 1
}

# pytest_shards TREE BACKEND BUILD_NAME OPTION...: tests/TREE (net, interop) against one kind of API server, as several
# pytest processes with a lab each: the tests mostly wait. Logs and results are $LOGS/TREE-BACKEND-N.{log,xml}.
SHARDS=3
pytest_shards()
{
	local tree=$1 backend=$2 dir=$BUILD/$3 number pid status=0
	local -a pids=()
	shift 3
	# A signal goes to the whole process group; pytest cleans up, and that is waited for.
	trap : INT TERM HUP
	for ((number = 1; number <= SHARDS; number++)); do
		env PYTHONDONTWRITEBYTECODE=1 PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 timeout --foreground 1200 \
			/usr/bin/python3 -m pytest -p no:cacheprovider --color=no -q -rf --junitxml="$LOGS/$tree-$backend-$number.xml" \
			--rootdir="$BUILD/src/tests/$tree" "$BUILD/src/tests/$tree" --backend="$backend" --build-dir="$dir" \
			--shard="$number/$SHARDS" --lab-prefix="$LAB_PREFIX$number-" "$@" > "$LOGS/$tree-$backend-$number.log" 2>&1 &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		while kill -0 "$pid" 2> /dev/null; do
			wait "$pid" || status=$?
		done
	done
	return "$status"
}

# net_tests TREE BACKEND BUILD_NAME OPTION...
net_tests()
{
	local tree=$1 backend=$2 name=$3 number status=0
	need "$name" || return
	rm -f "$LOGS/$tree-$backend"-*
	logged "$LOGS/$tree-$backend-all" pytest_shards "$@" || status=$?
	for ((number = 1; number <= SHARDS; number++)); do
		if [ -s "$LOGS/$tree-$backend-$number.xml" ]; then
			junit_results "$LOGS/$tree-$backend-$number.xml"
		else
			result FAIL "pytest ($number) did not come to its end"
		fi
		# All is well: "N passed" on the last line. Else the reports.
		tail -n 1 "$LOGS/$tree-$backend-$number.log" | grep -qE 'failed|error|no tests' || continue
		tail -n 300 "$LOGS/$tree-$backend-$number.log"
	done
	if [ "$status" -ne 0 ] && ! grep -q "^FAIL	$stage	" "$RESULTS"; then
		result FAIL "pytest: exit status $status"
	fi
}

stage_net()
{
	namespaces_work || return
	# The sanitizers watch the daemon through every end-to-end test.
	net_tests net kubesim sanitizers
}

stage_interop()
{
	namespaces_work || return
	net_tests interop kubesim sanitizers
}

stage_kubernetes()
{
	namespaces_work || return
	need_apiserver || return
	net_tests net real gcc --kubernetes="$kubernetes"
}

stage_package()
{
	# shellcheck disable=SC2086 # a list of words
	case_of "Debian packages" "$LOGS/package-deps.log" install_packages $PACKAGE_PACKAGES || return
	prepare || return
	case_of "dpkg-buildpackage" "$LOGS/package-build.log" build_deb || return
	# shellcheck disable=SC2034 # of lib/deb.sh
	DEB=$(find "$BUILD/deb" -maxdepth 1 -name 'metallb_*.deb')
	DEB_ROOT=$BUILD/deb/root
	case_of "lintian" "$LOGS/package-lintian.log" lintian --allow-root --fail-on error,warning "$BUILD"/deb/*.changes
	if [ "$(id -u)" -ne 0 ] || ! unshare --mount true 2> /dev/null; then
		result SKIP "install, upgrade, remove, purge # no root, or no mount namespaces here"
		return
	fi
	case_of "root to install in" "$LOGS/package-root.log" make_root || return
	case_of "install" "$LOGS/package-install.log" install_deb || return
	case_of "what is installed works" "$LOGS/package-smoke.log" smoke_in_root
	case_of "upgrade" "$LOGS/package-upgrade.log" upgrade_deb
	case_of "remove" "$LOGS/package-remove.log" remove_deb
	case_of "purge" "$LOGS/package-purge.log" purge_deb
	rm -rf "$DEB_ROOT"
}

stage_demo()
{
	namespaces_work || return
	# As a user runs it, with a build of its own.
	case_of "demo.sh" "$LOGS/demo.log" timeout 600 "$BUILD/src/tests/demo.sh"
}

# Not among the default stages: minutes of libFuzzer for each target, on request.
stage_fuzz()
{
	local program name
	need fuzzers || return
	while IFS= read -r program; do
		name=${program##*/}
		mkdir -p "$LOGS/fuzz-$name"
		case_of "$name for ${METALLB_FUZZ_SECONDS:-60} s" "$LOGS/fuzz-$name.log" "$program" -print_final_stats=1 \
			-max_total_time="${METALLB_FUZZ_SECONDS:-60}" "-artifact_prefix=$LOGS/" "$LOGS/fuzz-$name" \
			"$BUILD/src/tests/fuzz/corpus/${name#fuzz_}"
	done < <(find "$BUILD/fuzzers/tests/fuzz" -type f -name 'fuzz_*' -perm -u+x)
}
