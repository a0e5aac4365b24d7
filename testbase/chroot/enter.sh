# Runs in fresh mount and process namespaces: enter.sh ROOT SCRIPT [ARG…]
root=$1
script=$2
shift 2
mount --make-rprivate /
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 dev "$root/dev"
for node in null zero full random urandom tty; do
	: > "$root/dev/$node"
	mount --bind "/dev/$node" "$root/dev/$node"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
mount -t tmpfs tmp "$root/tmp"
# Names resolve as they do on this machine; neither file becomes part of a layer.
for file in resolv.conf hosts; do
	[ -e "$root/etc/$file" ] || : > "$root/etc/$file"
	mount --bind "/etc/$file" "$root/etc/$file"
done
exec chroot "$root" /bin/sh -euc "$script" script "$@"
