# A command that is an option, no program, or a plain script goes to node.
cat > /usr/local/bin/docker-entrypoint.sh <<'END'
#!/bin/sh
set -e
case ${1-} in
-*) set -- node "$@" ;;
*)
	if [ -n "${1-}" ]; then
		program=$(command -v "$1" || true)
		if [ -z "$program" ] || { [ -f "$1" ] && [ ! -x "$1" ]; }; then
			set -- node "$@"
		fi
	fi
	;;
esac
exec "$@"
END
chmod 755 /usr/local/bin/docker-entrypoint.sh
