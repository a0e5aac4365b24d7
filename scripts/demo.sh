#!/bin/sh
# Proves the FastAPI example, in a copy that looks like a real working folder:
# demo.sh [FLAG…]   the flags go to plimsoll prove
# Official base images are used where Docker Hub answers, else stand-ins (testbase/).
set -eu

cd "$(dirname "$0")/.."
plimsoll=${PLIMSOLL:-bin/plimsoll}
testbase=${TESTBASE:-bin/testbase}
addr=${TESTBASE_ADDR:-127.0.0.1:5005}

[ -n "${TESTBASE:-}" ] || go build -o "$testbase" ./testbase
[ -x "$plimsoll" ] || go build -o "$plimsoll" ./cmd/plimsoll

work=$(mktemp -d)
server=
clean() {
	if [ -n "$server" ]; then
		kill "$server" 2>/dev/null || true
		wait "$server" 2>/dev/null || true
	fi
	rm -rf "$work"
}
trap clean EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# start_stand_ins serves them in the background and returns once they are there.
start_stand_ins() {
	"$testbase" build
	"$testbase" serve --addr "$addr" > "$work/serving" &
	server=$!
	while ! [ -s "$work/serving" ]; do
		if ! kill -0 "$server" 2>/dev/null && ! [ -s "$work/serving" ]; then
			echo "demo: the stand-ins could not be served, see above" >&2
			exit 1
		fi
		sleep 0.1
	done
}

if [ "${BASES:-}" = stand-ins ] || "$testbase" needed > "$work/why" 2>/dev/null; then
	start_stand_ins
	bases="stand-ins from testbase/, since Docker Hub does not answer"
	[ "${BASES:-}" != stand-ins ] || bases="stand-ins from testbase/, as BASES asks for"
	# Their package index is on loopback too, which build steps on a Docker Engine's network don't reach.
	set -- --engine embedded --mirror "docker.io=$addr" "$@"
else
	bases="official ones, from Docker Hub"
fi

scripts/demo-project examples/fastapi "$work/notes"
echo "base images: $bases"
echo "project: examples/fastapi, copied into a repository of $(git -C "$work/notes" rev-list --count HEAD) commits with" \
	"$(du -sm "$work/notes" | cut -f1) MB in its folder"
echo
status=0
"$plimsoll" prove "$work/notes" "$@" || status=$?
echo
echo "base images: $bases"
exit "$status"
