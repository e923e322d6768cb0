# shellcheck shell=bash
# Building, always from a copy of the tree, so that the tree stays as it is. Sourced by tests/run.sh and tests/demo.sh.
#
# $ROOT is the source tree, $BUILD the directory that gets everything: the copy in src, one directory for each way to build.

# copy_sources DEST: what git knows or would add; all of it where there is no git (a release).
copy_sources()
{
	mkdir -p "$1"
	# A checkout may belong to another user than the one who runs this (sudo, containers).
	if git -c safe.directory='*' -C "$ROOT" rev-parse --git-dir > /dev/null 2>&1; then
		(cd "$ROOT" && git -c safe.directory='*' ls-files -z --cached --others --exclude-standard --deduplicate |
			while IFS= read -r -d '' file; do
				[ ! -e "$file" ] || printf '%s\0' "$file"
			done | tar -c --null -T - -f -) | tar -x -C "$1" -f -
	else
		tar -c -C "$ROOT" -f - . | tar -x -C "$1" -f -
	fi
}

# configure_in NAME OPTION...: configures $BUILD/NAME.
configure_in()
{
	local dir=$BUILD/$1
	shift
	mkdir -p "$dir"
	(cd "$dir" && "$BUILD/src/configure" "$@")
}

# programs_of NAME: everything that runs or is run by a test, built in $BUILD/NAME. check_PROGRAMS are built by
# "make check" alone: with no tests to run it does just that.
programs_of()
{
	make -C "$BUILD/$1" -j"$JOBS" all && make -C "$BUILD/$1" -j"$JOBS" check TESTS=
}
