# The toolchain is in /usr/local/go already.
GOTOOLCHAIN=local /usr/local/go/bin/go version
