# Runs on the host: base.sh FOLDER SUITE MIRROR
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
mmdebstrap --quiet --variant=minbase --include=usr-is-merged --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr --mode=root --format=directory \
	--aptopt='Acquire::Languages "none"' --aptopt='Acquire::Retries "3"' \
	--dpkgopt='force-unsafe-io' --keyring="$keyring" "$2" "$1" \
	"deb [signed-by=$keyring] $3 $2 main" \
	"deb [signed-by=$keyring] $3 $2-updates main" \
	"deb [signed-by=$keyring] $3-security $2-security main"
rm -f "$1"/etc/apt/sources.list "$1"/etc/apt/apt.conf.d/99mmdebstrap "$1"/etc/dpkg/dpkg.cfg.d/99mmdebstrap
rm -f "$1"/etc/resolv.conf "$1"/etc/hostname
