# Compiles CPython into /usr/local, from /usr/src/python.tar.gz: compile.sh PACKAGE…
# As the official image does it, but without the profile-guided and link-time
# optimisation that would take half an hour, and stripped.
apt-get -qq -o Acquire::Retries=3 update
apt-get -qq -o Acquire::Retries=3 install -y --no-install-recommends "$@" >&2

mkdir /usr/src/python
cd /usr/src/python
tar -xzf ../python.tar.gz --strip-components=1
./configure -q --build=x86_64-linux-gnu --enable-loadable-sqlite-extensions \
	--enable-option-checking=fatal --enable-shared --with-system-expat --with-ensurepip \
	--disable-test-modules OPT='-DNDEBUG -O2 -Wall' >&2
jobs=$(nproc)
make -s -j "$jobs" LDFLAGS='-Wl,--strip-all' >&2
# The program finds its own library beside it, not one that the system may have.
rm python
make -s LDFLAGS="-Wl,--strip-all -Wl,-rpath='\$\$ORIGIN/../lib'" python >&2
# Byte code is removed below: making it first would be for nothing.
sed -i 's|-Wi $(DESTDIR)$(LIBDEST)/compileall.py|-c pass|' Makefile
make -s install >&2
ldconfig

export PYTHONDONTWRITEBYTECODE=1
pip3 install -q --root-user-action=ignore --disable-pip-version-check --no-cache-dir --no-compile \
	--no-index /usr/share/python-wheels/wheel-*.whl >&2
find /usr/local -depth \
	\( \( -type d \( -name test -o -name tests -o -name idle_test -o -name __pycache__ \) \) \
	-o \( -type f \( -name '*.pyc' -o -name 'libpython*.a' \) \) \) -exec rm -rf {} +
for name in idle3 pip3 pydoc3 python3 python3-config; do
	ln -s "$name" "/usr/local/bin/$(echo "$name" | tr -d 3)"
done

# Standard output: the packages whose libraries it needs at run time (Tk, as
# in the official slim image, is left to those who want it).
find /usr/local -type f \( -name '*.so*' -o -path '*/bin/python3*' \) ! -name '*tkinter*' -exec ldd {} + 2>/dev/null |
	awk '/=> \// && $3 !~ /^\/usr\/local/ { sub("^/(usr/)?", "", $3); print "*" $3 }' | sort -u |
	xargs dpkg-query --search | cut -d: -f1 | sort -u
