package ecosystem

import "slices"

// DebianPackages are the packages of Debian that bring a program, the one to install first; none when that is not known. It
// knows programs that applications call and that the full images of languages have.
func DebianPackages(program string) []string {
	for _, b := range brings {
		if slices.Contains(b.programs, program) {
			return b.packages
		}
	}
	return nil
}

// brings are packages with the programs that they, or what they depend on, put into PATH (packages.debian.org, bookworm).
var brings = []struct{ packages, programs []string }{
	{[]string{"git"}, []string{"git"}},
	{[]string{"curl"}, []string{"curl"}},
	{[]string{"wget"}, []string{"wget"}},
	{[]string{"openssh-client", "openssh-server", "ssh"}, []string{"ssh", "scp", "sftp", "ssh-add", "ssh-agent", "ssh-keygen", "ssh-keyscan"}},
	{[]string{"mercurial"}, []string{"hg"}},
	{[]string{"subversion"}, []string{"svn"}},
	{[]string{"unzip"}, []string{"unzip"}},
	{[]string{"procps"}, []string{"ps", "top", "free", "pgrep", "pkill", "uptime", "vmstat", "watch", "w"}},
	{[]string{"gnupg", "gpg", "gnupg2"}, []string{"gpg"}},
	{[]string{"openssl"}, []string{"openssl"}},
	{[]string{"perl"}, []string{"perl"}},
	{[]string{"gcc", "build-essential", "g++"}, []string{"gcc", "cc", "cpp"}},
	{[]string{"g++", "build-essential"}, []string{"g++", "c++"}},
	{[]string{"make", "build-essential", "dpkg-dev"}, []string{"make"}},
	{[]string{"patch", "build-essential", "dpkg-dev"}, []string{"patch"}},
	{[]string{"xz-utils", "build-essential", "dpkg-dev"}, []string{"xz"}},
	{[]string{"autoconf"}, []string{"autoconf"}},
	{[]string{"automake"}, []string{"automake"}},
	{[]string{"file"}, []string{"file"}},
	{[]string{"pkg-config", "pkgconf"}, []string{"pkg-config"}},
	{[]string{"libpq-dev"}, []string{"pg_config"}},
	{[]string{"default-libmysqlclient-dev", "libmariadb-dev-compat", "libmysqlclient-dev"}, []string{"mysql_config"}},
	{[]string{"imagemagick"}, []string{"convert", "identify", "mogrify", "montage", "composite"}},
	{[]string{"bzip2", "build-essential", "dpkg-dev"}, []string{"bzip2", "bunzip2"}},
	{[]string{"binutils", "build-essential", "gcc", "g++"}, []string{"ar", "as", "ld", "nm", "objcopy", "objdump", "ranlib", "readelf", "strings", "strip"}},
}
