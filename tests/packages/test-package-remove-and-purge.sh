#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 150 s
#
# Removing the package leaves volumes, keys, database and configuration; purging it leaves the data, too, and says so,
# unless the administrator has answered the question with yes. Installed again, it finds what was there.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"
. "$(dirname "$0")/../lib/package.sh"
need_tools verify_load

package_root
package_install "$(the_deb sluice)" || die "apt: $(tail -n 20 "$T/apt.log")"
package_up
package_volume
"$(tool verify_load)" --ops 500 --sessions 1 --depth 4 --zero "$URL" >/dev/null || die "the load failed"
package_down
kill_bg tgt
data=$ROOT_DIR/var/lib/sluice
image=$(find "$data/volumes" -type f -size +1M | head -n 1)
[ -n "$image" ] || die "there is no image in $data/volumes"
sum=$(sha256sum <"$image")
echo '# changed by hand' >>"$ROOT_DIR/etc/sluice/webd.conf"
is_kept() { [ "$(sha256sum <"$image")" = "$sum" ] && [ -s "$data/policyd/sluice.db" ] && [ -s "$data/policyd/seal.key" ]; }

in_root apt-get remove -q -y sluice >>"$T/apt.log" 2>&1 || die "remove: $(tail "$T/apt.log")"
is_kept || die "removing the package has touched its data"
[ ! -e "$ROOT_DIR/usr/sbin/sluice-filterd" ] || die "the daemons are still there"
grep -q 'changed by hand' "$ROOT_DIR/etc/sluice/webd.conf" || die "configuration was removed"

in_root apt-get purge -q -y sluice >"$T/purge.log" 2>&1 || die "purge: $(tail "$T/purge.log")"
is_kept || die "a purge without an answer has touched the data"
grep -q '/var/lib/sluice stays' "$T/purge.log" || die "the purge does not say that the data stays: $(cat "$T/purge.log")"
[ ! -e "$ROOT_DIR/etc/sluice" ] || die "configuration stays after the purge"

package_install "$(the_deb sluice)" || die "apt, again: $(tail -n 20 "$T/apt.log")"
package_up
settled
api_ok GET /volumes/disk >/dev/null
[ "$(jget .running_state)" = online ] || die "the volume is not found again: $(cat "$T/api.body")"
package_down

echo 'sluice sluice/purge-volumes boolean true' | in_root debconf-set-selections
in_root apt-get purge -q -y sluice >"$T/purge.log" 2>&1 || die "purge: $(tail "$T/purge.log")"
[ ! -e "$data" ] || die "after yes to the question $data is still there"
