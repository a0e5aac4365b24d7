# Documentation goes, now and with every package installed later.
cat > /etc/dpkg/dpkg.cfg.d/docker <<'END'
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/groff/*
path-exclude /usr/share/info/*
path-exclude /usr/share/linda/*
path-exclude /usr/share/lintian/*
path-exclude /usr/share/locale/*
path-include /usr/share/locale/locale.alias
path-exclude /usr/share/man/*
END
find /usr/share/doc -mindepth 2 ! -type d ! -name copyright -delete
find /usr/share/doc -depth -mindepth 1 -type d -empty -delete
find /usr/share/locale -mindepth 1 -maxdepth 1 ! -name locale.alias -exec rm -r {} +
for folder in groff info linda lintian man; do
	[ ! -d /usr/share/$folder ] || find /usr/share/$folder -mindepth 1 -delete
done
