# shellcheck shell=bash
# What ran, and how it ended. Sourced by tests/run.sh.
#
# Every test case becomes one line "STATUS<TAB>STAGE<TAB>NAME" in $RESULTS, STATUS being PASS, FAIL or SKIP (its NAME then
# holds the reason). The last line of a run counts these lines and nothing else.

stage=none

# result STATUS NAME...: one case of the current stage. Failures and skips are said at once.
result()
{
	local status=$1
	shift
	printf '%s\t%s\t%s\n' "$status" "$stage" "$*" >> "$RESULTS"
	case $status in
	PASS) ;;
	*) printf '%s: %s: %s\n' "$status" "$stage" "$*" ;;
	esac
}

# logged LOG CMD...: CMD with its output in LOG. It runs as a job with a process group of its own, so that a signal to this
# script is acted on at once and can be passed on to all of it.
child=
logged()
{
	local log=$1 status=0
	shift
	set -m
	"$@" > "$log" 2>&1 < /dev/null &
	child=$!
	set +m
	wait "$child" || status=$?
	child=
	return "$status"
}

# case_of NAME LOG CMD...: CMD is one test case; the end of its output is shown when it fails.
case_of()
{
	local name=$1 log=$2
	shift 2
	if logged "$log" "$@"; then
		result PASS "$name"
		return 0
	fi
	result FAIL "$name"
	tail -n 60 "$log"
	return 1
}

# automake_results DIR: the cases of every test that "make check" ran below DIR; 1 if there was none. A .trs file has the
# verdicts of one test program in order, its .log what the program printed: there the cases have their names.
automake_results()
{
	local status name found=1
	while IFS=$'\t' read -r status name; do
		found=0
		result "$status" "$name"
	done < <(cd "$1" && find . -name '*.trs' | sort | while IFS= read -r trs; do
		awk -v program="${trs#./}" '
			BEGIN { sub(/\.trs$/, "", program) }
			FILENAME ~ /\.log$/ && /^(ok|not ok)|^1\.\.0/ { said[++n] = $0 }
			FILENAME ~ /\.trs$/ && /^:test-result: / {
				text = ++verdicts in said ? said[verdicts] : "see its log"
				sub(/^(not )?ok *[0-9]* *-? */, "", text)
				status = $2 == "PASS" || $2 == "XFAIL" ? "PASS" : $2 == "SKIP" ? "SKIP" : "FAIL"
				print status "\t" program ": " text
			}' "${trs%.trs}.log" "$trs"
	done)
	return "$found"
}

# junit_results FILE: the cases of one pytest run.
junit_results()
{
	local status name
	while IFS=$'\t' read -r status name; do
		result "$status" "$name"
	done < <(/usr/bin/python3 "$LIB/junit.py" "$1")
}

# counts: the closing line; status 0 only if nothing failed and something passed.
counts()
{
	awk -F'\t' '
		{ n[$1]++ }
		END {
			printf "%d passed, %d failed, %d skipped\n", n["PASS"], n["FAIL"], n["SKIP"]
			exit n["FAIL"] > 0 || n["PASS"] == 0
		}' "$RESULTS"
}
