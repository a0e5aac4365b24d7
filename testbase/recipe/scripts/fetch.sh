# Runs on the host: fetch.sh FOLDER SUITE MIRROR PACKAGE…
# Downloads Debian packages with an apt of its own, so that neither the host's
# release nor its settings matter. Prints file, package and Depends of each.
cd "$1"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
mkdir -p apt/lists/partial apt/cache/archives/partial apt/empty
cat > apt/sources.list <<END
deb [signed-by=$keyring] $3 $2 main
deb [signed-by=$keyring] $3 $2-updates main
deb [signed-by=$keyring] $3-security $2-security main
END
cat > apt/apt.conf <<END
Dir::Etc::sourcelist "$PWD/apt/sources.list";
Dir::Etc::sourceparts "$PWD/apt/empty";
Dir::Etc::preferencesparts "$PWD/apt/empty";
Dir::Etc::parts "$PWD/apt/empty";
Dir::State "$PWD/apt";
Dir::State::status "$PWD/apt/status";
Dir::Cache "$PWD/apt/cache";
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "3";
END
: > apt/status
export APT_CONFIG="$PWD/apt/apt.conf"
shift 3
apt-get -qq update >&2
apt-get -qq download "$@" >&2
rm -r apt
for file in *.deb; do
	printf '%s\t%s\t%s\n' "$file" "$(dpkg-deb -f "$file" Package)" "$(dpkg-deb -f "$file" Depends)"
done
