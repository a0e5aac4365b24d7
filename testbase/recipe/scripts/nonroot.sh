# Goes on where extract.sh ends: users, and a home that is theirs.
cat > files/etc/passwd <<'END'
root:x:0:0:root:/root:/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin
nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin
END
cat > files/etc/group <<'END'
root:x:0:
tty:x:5:
nobody:x:65534:
nonroot:x:65532:
END
echo 'hosts: files dns' > files/etc/nsswitch.conf
mkdir -p files/home/nonroot files/root files/tmp
chmod 700 files/home/nonroot files/root
chown 65532:65532 files/home/nonroot
chmod 1777 files/tmp
