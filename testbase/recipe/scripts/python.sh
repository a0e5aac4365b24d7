# CPython is in /usr/local already: python.sh [runtime PACKAGE…]
if [ "${1-}" = runtime ]; then
	shift
	apt-get -qq -o Acquire::Retries=3 update
	apt-get -qq -o Acquire::Retries=3 install -y --no-install-recommends "$@"
fi
ldconfig
PYTHONDONTWRITEBYTECODE=1 python3 -c 'import ssl, sqlite3, ctypes, zlib, bz2, lzma, readline, uuid'
