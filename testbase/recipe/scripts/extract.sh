# Goes on where fetch.sh ends: its packages become a tree in the folder files.
mkdir files
for file in *.deb; do
	dpkg-deb -x "$file" files
done
rm ./*.deb
rm -rf files/usr/share/man files/usr/share/lintian files/usr/share/locale files/usr/share/info
find files/usr/share/doc -mindepth 2 ! -type d ! -name copyright -delete
