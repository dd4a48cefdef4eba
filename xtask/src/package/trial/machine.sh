# Makes a machine out of this one, and boots it: its files under an overlay in memory, namespaces of its own, systemd as the
# first process. What is done there is gone when that process ends.
#
# $CLONE, $TARGET: directories that it sees as they are here, and cannot change, wherever they are
# $1: an empty directory   $2: a directory that the machine finds as /srv/trial   $3: what is done in it before it boots
set -eu

if [ "${4:-}" != inside ]; then
    # A place of its own among the control groups, for the machine's systemd takes the one in which it starts for the root.
    for tree in /sys/fs/cgroup /sys/fs/cgroup/unified; do
        if [ -e "$tree/cgroup.procs" ]; then
            mkdir -p "$tree/qcert-trial"
            echo $$ > "$tree/qcert-trial/cgroup.procs"
            break
        fi
    done
    exec unshare --mount --uts --ipc --net --cgroup --pid --fork --kill-child sh "$0" "$1" "$2" "$3" inside
fi

mount -t tmpfs tmpfs "$1"
cd "$1"
mkdir upper work root
mount -t overlay -o lowerdir=/,upperdir=upper,workdir=work overlay root
cp -r "$2" root/srv/trial
# The services and file systems of this machine are not started and mounted there again.
rm -rf root/etc/systemd/system
mkdir root/etc/systemd/system
: > root/etc/fstab
# Where images are made it forbids packages to start anything; here that is what is tried.
rm -f root/usr/sbin/policy-rc.d

mount -t tmpfs -o mode=755 tmpfs root/dev
for device in null zero full random urandom tty; do
    : > "root/dev/$device"
    mount --bind "/dev/$device" "root/dev/$device"
done
mkdir root/dev/pts root/dev/shm
ln -s pts/ptmx root/dev/ptmx
ln -s /proc/self/fd root/dev/fd
mount -t tmpfs tmpfs root/run
mount -t tmpfs tmpfs root/tmp
for place in "$CLONE" "$TARGET"; do
    mkdir -p "root$place"
    mount --bind "$place" "root$place"
    mount -o remount,bind,ro "root$place"
done
mount -t proc proc root/proc
# The kernel is shared: nothing there may be set.
mount --bind root/proc/sys root/proc/sys
mount -o remount,bind,ro root/proc/sys
mount -t sysfs -o ro sysfs root/sys
mount -t cgroup2 cgroup2 root/sys/fs/cgroup

chroot root sh -euc "$3" >&2

mkdir root/srv/outside
cd root
pivot_root . srv/outside
umount --lazy /srv/outside
# Credentials are mounted by one process for another.
mount --make-rshared /
echo booting
exec env -i container=trial PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --unit=sysinit.target </dev/null >/dev/null 2>&1
