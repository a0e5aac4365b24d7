# Appended to what runs inside a root: no lists, logs or caches in a layer.
rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb /var/cache/apt/*.bin
rm -f /var/log/apt/* /var/log/dpkg.log /var/log/alternatives.log /var/log/bootstrap.log
rm -f /var/lib/dpkg/*-old /var/cache/debconf/*-old /etc/*-
