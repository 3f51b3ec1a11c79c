#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 600 s
#
# A Linux host with the kernel's initiator, in a guest without hardware help, at the installed package's LUN: it logs in by
# iscsid, makes ext4 and xfs, writes files, sees the volume grow, goes on through a restart of filterd, and finds every
# file's checksum after logging in anew.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"
. "$(dirname "$0")/../lib/package.sh"
. "$(dirname "$0")/../lib/guest.sh"
command -v qemu-system-x86_64 >/dev/null || skip "qemu-system-x86_64 is missing"
GUEST_IQN=iqn.2026-01.test.sluice:guest
GUEST_LIMIT_S=${GUEST_LIMIT_S:-400}

[ -s "$ROOT/build/packages/initiator.cpio.gz" ] || skip "build/packages/initiator.cpio.gz is missing; say: make check-packages"
package_root
package_install "$(the_deb sluice)" || die "apt: $(tail -n 20 "$T/apt.log")"
package_up
LOAD_IQN=$GUEST_IQN package_volume 536870912

# A quiet way for the guest to say something to us and the other way round: its console, and the size of a second LUN.
read -r -d '' SCRIPT <<-'GUEST' || true
	set -e
	trap 'echo "GUEST-FAILED at line $LINENO"; cat /tmp/iscsid.log; dmesg | tail -n 5' EXIT
	ip link set lo up
	ip link set eth0 up
	ip addr add 10.0.2.15/24 dev eth0
	ip route add default via 10.0.2.2
	mkdir -p /etc/iscsi /run/lock /var/lib/iscsi/nodes /var/lib/iscsi/send_targets
	mkdir -p /run/lock/iscsi
	ln -sf /run/lock /var/lock 2>/dev/null || true
	echo "InitiatorName=GUEST_IQN" >/etc/iscsi/initiatorname.iscsi
	: >/etc/iscsi/iscsid.conf
	printf 'node.session.timeo.replacement_timeout = 120\nnode.leading_login = No\n' >/etc/iscsi/iscsid.conf
	mkdir -p /var/run /var/lock
	echo "root:x:0:0:root:/:/bin/sh" >/etc/passwd # iscsid asks who it is that asks it
	iscsid -f -d 1 >/tmp/iscsid.log 2>&1 &
	n=0
	until iscsiadm -m discovery -t sendtargets -p 10.0.2.2:3260 >/tmp/found 2>/dev/null; do sleep 1; n=$((n + 1)); [ $n -lt 20 ]; done
	# What discovery names is the address behind QEMU's network: the target's name counts, the way is ours.
	iqn=$(awk '{ print $2; exit }' /tmp/found)
	iscsiadm -m node -o delete
	iscsiadm -m node -o new -T "$iqn" -p 10.0.2.2:3260
	iscsiadm -m node --login
	n=0
	until [ -b /dev/sda ]; do sleep 1; n=$((n + 1)); [ $n -lt 60 ]; done
	echo "GUEST-SIZE $(cat /sys/block/sda/size)"

	files() { # FOLDER COUNT: files with checksums
	    i=0
	    while [ $i -lt $2 ]; do
	        dd if=/dev/urandom of=$1/f$i bs=64k count=16 2>/dev/null
	        i=$((i + 1))
	    done
	    (cd $1 && sha256sum f* >sums)
	    sync
	}
	mkdir -p /mnt
	mkfs.ext4 -q -F /dev/sda
	mount -t ext4 /dev/sda /mnt
	files /mnt 20
	(cd /mnt && sha256sum -c -s sums 2>/dev/null || sha256sum -c sums >/dev/null)
	echo GUEST-EXT4
	# Until the host has made the volume larger.
	n=0
	until [ "$(cat /sys/block/sda/size)" -ge 1572864 ]; do
	    iscsiadm -m node -R >/dev/null 2>&1 || true
	    sleep 1; n=$((n + 1)); [ $n -lt 120 ]
	done
	resize2fs /dev/sda
	echo "GUEST-GROWN $(df -k /mnt | awk 'END { print $2 }')"
	(cd /mnt && sha256sum -c sums >/dev/null)
	umount /mnt

	mkfs.xfs -q -f /dev/sda
	mount -t xfs /dev/sda /mnt
	echo GUEST-XFS
	# The host restarts filterd while this goes on.
	mkdir -p /mnt/a /mnt/b
	files /mnt/a 40
	echo GUEST-HALF
	files /mnt/b 40
	(cd /mnt/a && sha256sum -c sums >/dev/null)
	umount /mnt
	iscsiadm -m node --logout
	iscsiadm -m node --login
	n=0
	until [ -b /dev/sda ] || [ -b /dev/sdb ]; do sleep 1; n=$((n + 1)); [ $n -lt 60 ]; done
	disk=/dev/sda; [ -b $disk ] || disk=/dev/sdb
	mount -t xfs $disk /mnt
	(cd /mnt/a && sha256sum -c sums >/dev/null) && (cd /mnt/b && sha256sum -c sums >/dev/null)
	echo GUEST-VERIFIED
	umount /mnt
	iscsiadm -m node --logout
	! dmesg | grep -iE 'I/O error|detected conn error|Buffer I/O'
	trap - EXIT
GUEST
SCRIPT=${SCRIPT//GUEST_IQN/$GUEST_IQN}

# The guest's programs for this, and its way to our loopback: QEMU's 10.0.2.2 is this sandbox's 127.0.0.1.
GUEST_EXTRA=("$ROOT/build/packages/initiator.cpio.gz")
GUEST_MORE=(-nic "user,model=virtio" -m 768)
guest_begin linux "$SCRIPT"
guest_over() { guest_said linux GUEST-EXIT || guest_said linux GUEST-FAILED || ! is_running linux; }
guest_wait() {
	reached_or_over() { guest_said linux "$1" || guest_over; }
	wait_until "$GUEST_LIMIT_S" "the guest to say $1" reached_or_over "$1"
	guest_said linux "$1" || die "the guest: $(tr -d '\r' <"$T/linux.out" | tail -n 25)"
	note "$(tr -d '\r' <"$T/linux.out" | grep -a -- "$1" | tail -n 1)"
}
guest_wait GUEST-SIZE
guest_wait GUEST-EXT4
api_ok PATCH /volumes/disk '{"size_bytes":1073741824}' >/dev/null
task_done
guest_wait GUEST-GROWN
guest_wait GUEST-XFS
unit_stop sluice-filterd
unit_start sluice-filterd
wait_until 20 "filterd" filterd_serves
note "filterd was restarted"
guest_wait GUEST-HALF
guest_wait GUEST-VERIFIED
guest_wait GUEST-EXIT
tr -d '\r' <"$T/linux.out" | finds -a 'GUEST-EXIT 0' || die "the guest: $(tr -d '\r' <"$T/linux.out" | tail -n 25)"
package_down
