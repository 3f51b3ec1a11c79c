#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 60 s
#
# The RPMs, installed with rpm into a root directory: files, users and units are in their places, with their modes;
# removing them leaves configuration that was changed, and data.
. "$(dirname "$0")/../lib/harness.sh"
rpms=("$ROOT"/build/rpm/RPMS/x86_64/*.rpm)
if ! command -v rpm >/dev/null || [ ! -f "${rpms[0]}" ]; then skip "there is no RPM; say: make rpm"; fi

# A root in which scriptlets can run: this machine's programs, with users and configuration of its own.
R=$T/root
mkdir -p "$R"/{etc,var/lib,var/tmp,tmp,run,dev,proc,usr/lib/systemd,usr/share,usr/lib64}
for dir in usr/bin usr/sbin usr/lib/x86_64-linux-gnu; do
	mkdir -p "$R/$dir" "$T/upper/$dir" "$T/layer/$dir"
	mount -t overlay -o "lowerdir=/$dir,upperdir=$T/upper/$dir,workdir=$T/layer/$dir" overlay "$R/$dir"
done
at_exit "umount -R -l '$R/usr/bin' '$R/usr/sbin' '$R/usr/lib/x86_64-linux-gnu'"
mkdir -p "$R/usr/lib64"
cp /lib64/ld-linux-x86-64.so.2 "$R/usr/lib64/"
for dir in bin sbin lib lib64; do ln -s "usr/$dir" "$R/$dir"; done
printf 'root:x:0:0:root:/root:/bin/sh\n' >"$R/etc/passwd"
printf 'root:x:0:\n' >"$R/etc/group"
printf 'root:*:0::::::\n' >"$R/etc/shadow"
printf 'root:*::\n' >"$R/etc/gshadow"
cp /etc/login.defs "$R/etc/" 2>/dev/null || true

rpm_in() { rpm --root "$R" --dbpath /var/lib/rpm "$@"; }
rpm_in --nodeps -i "${rpms[@]}" >"$T/rpm.log" 2>&1 || die "rpm: $(cat "$T/rpm.log")"
! grep -qi 'error\|fail' "$T/rpm.log" || die "rpm remarks: $(cat "$T/rpm.log")"

for user in sluice sluice-web sluice-egress; do
	grep -q "^$user:.*nologin" "$R/etc/passwd" || die "user $user is missing, or may log in"
	grep -q "^$user:" "$R/etc/group" || die "group $user is missing"
done
for unit in sluice-filterd sluice-policyd sluice-webd sluice-egressd; do
	file=$R/usr/lib/systemd/system/$unit.service
	[ -f "$file" ] || die "$unit.service is missing"
	! grep -q '[ =]tgt\.service' "$file" || die "$unit.service names Debian's tgt.service"
	program=$(sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' "$file")
	[ -x "$R$program" ] || die "$unit.service starts $program, which is missing"
done
[ -f "$R/usr/lib/systemd/system/tgtd.service.d/sluice.conf" ] || die "tgtd.service.d/sluice.conf is missing"
[ -f "$R/usr/lib64/tgt/backing-store/bs_sluice.so" ] || die "the module is missing"

# rpmbuild has refused files of "make install" that no package has; the other way round: all are there, unchanged.
for file in /usr/bin/sluice /usr/sbin/sluice-filterctl /usr/lib/sysusers.d/sluice.conf /usr/lib/tmpfiles.d/sluice.conf \
	/etc/sluice/filterd.conf /usr/share/sluice/policies/observe.json /usr/share/sluice/web/index.html \
	/usr/share/bash-completion/completions/sluice /usr/share/man/man8/sluice-filterd.8.gz \
	/usr/share/man/man7/sluice-filter-cache.7.gz /usr/lib/sluice/filters/cache.so /usr/lib/sluice/filters/passthru.so \
	/usr/include/sluice/filter.h /usr/share/pkgconfig/sluice-filter.pc; do
	[ -s "$R$file" ] || die "$file is missing"
done
[ "$(rpm_in -qf --qf '%{NAME}' "/usr/lib/sluice/filters/passthru.so")" = sluice-filter-sdk ] || die "passthru.so is not the SDK's"
rpm_in -Va --nodeps --nouser --nogroup >"$T/verify" 2>&1 || die "rpm -V: $(cat "$T/verify")"

echo '# by hand' >>"$R/etc/sluice/webd.conf"
mkdir -p "$R/var/lib/sluice/policyd"
echo data >"$R/var/lib/sluice/policyd/sluice.db"
rpm_in --nodeps -e sluice-filter-sdk sluice >"$T/rpm.log" 2>&1 || die "rpm -e: $(cat "$T/rpm.log")"
[ -f "$R/var/lib/sluice/policyd/sluice.db" ] || die "removing the package has removed data"
[ -f "$R/etc/sluice/webd.conf.rpmsave" ] || die "changed configuration is gone"
[ ! -e "$R/usr/sbin/sluice-filterd" ] || die "the daemons are still there"
