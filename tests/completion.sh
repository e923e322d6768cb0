#!/bin/bash
# Completion knows the commands of metallbctl and what may stand for their arguments. TAP.
top_srcdir=${top_srcdir:-$(dirname "$0")/..}
top_builddir=${top_builddir:-.}
n=0

# check NAME WANT GOT
check()
{
	n=$((n + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $n - $1"
	else
		printf 'not ok %d - %s\n# want: %s\n# got:  %s\n' "$n" "$1" "${2//$'\n'/ }" "${3//$'\n'/ }"
	fi
}

# complete_words WORD...: what bash offers for the last one.
complete_words()
{
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	_metallbctl
	printf '%s\n' "${COMPREPLY[@]}"
}

# A client that answers as the daemon would, with the help of the real one.
bin=$(mktemp -d) || exit 1
trap 'rm -rf "$bin"' EXIT
cat > "$bin/metallbctl" << END
#!/bin/sh
case "\$*" in
-h) exec "$top_builddir/src/ctl/metallbctl" -h ;;
services) printf 'SERVICE      STATE\ndefault/web  allocated\ndefault/db   pending\n' ;;
"-s /tmp/other services") printf 'SERVICE      STATE\nother/web  allocated\n' ;;
pools) printf 'POOL  IPV4\nlan   2 of 8\nwan   0 of 4\n' ;;
esac
END
chmod +x "$bin/metallbctl"
PATH=$bin:$PATH

# shellcheck source=completion/metallbctl
. "$top_srcdir/completion/metallbctl"

commands=$(metallbctl -h | sed -n '/^commands/,$s/^  \([a-z][a-z-]*\).*/\1/p')
echo "1..8"
check "every command" "$(printf '%s\n' -h -j -s -V "$commands" | sort)" "$(complete_words metallbctl '' | sort)"
check "a beginning" "reload" "$(complete_words metallbctl rel)"
check "an optional argument: Services" $'default/web\ndefault/db' "$(complete_words metallbctl services '')"
check "a required argument: Services" "default/db" "$(complete_words metallbctl -j explain default/d)"
check "pools" $'lan\nwan' "$(complete_words metallbctl pools '')"
check "levels" $'err\nwarning\nnotice\ninfo\ndebug' "$(complete_words metallbctl log '')"
check "another socket is asked" "other/web" "$(complete_words metallbctl -s /tmp/other explain '')"
check "nothing for a command without argument" "" "$(complete_words metallbctl status '')"
