#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 150 s
#
# An upgrade while hosts write: the database is migrated with a backup before, filterd is replaced while tgtd keeps the
# older module loaded, and the verified loads see no error and lose no block; one of them writes to a write-back cache, whose
# log and record the newer version takes over with what only they have. Afterwards the older version is refused.
#
# OLD_DEB: the package to come from (make check-packages builds one of an older commit); else ours with a lower version.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"
. "$(dirname "$0")/../lib/package.sh"
need_tools verify_load
STALL_LIMIT_MS=${STALL_LIMIT_MS:-15000}

older=${OLD_DEB:-$(package_lower 0.0.9)}
package_root
package_install "$older" || die "apt, the older package: $(tail -n 20 "$T/apt.log")"
# shellcheck disable=SC2016 # dpkg's own variable
installed() { in_root dpkg-query -W -f '${Version}' sluice; }
note "from $(installed)"
package_up
first_admin anna "a long enough password 1"
package_volume 134217728
in_root install -d -o sluice -g sluice -m 750 /var/lib/sluice/flash
knows_cache() { api GET /filters/cache >/dev/null && [ "$STATUS" = 200 ]; }
wait_until 20 "the filters to be known" knows_cache
api_ok PUT /datastores/main/filters/cache '{"parameters":{"flash_path":"/var/lib/sluice/flash","flash_bytes":"256M","ram_bytes":"16M"}}' >/dev/null
task_done
api_ok POST /policies '{"name":"back","rules":[{"filter":"cache","parameters":{"mode":"write_back","flash_bytes":"64M","ram_bytes":"8M",
	"destage_age_ms":"600000"}}]}' >/dev/null
volume_make cached 33554432 '"hosts":["client"],"policy":"back"'
dirty_bytes() { api_ok GET /volumes/cached/chain | jq '[.filters[] | select(.class == "cache") | .status.dirty_bytes // 0] | add'; }
module=$(md5sum <"$ROOT_DIR/usr/lib/tgt/backing-store/bs_sluice.so")
backups() { find "$ROOT_DIR/var/lib/sluice/policyd/backups" -type f | wc -l; }
before=$(backups)

load_start load --sessions 2 --depth 16 --zero --max-stall-ms "$STALL_LIMIT_MS" "$URL"
load_start cached --sessions 1 --depth 8 --zero --max-stall-ms "$STALL_LIMIT_MS" "$(lun_url cached)"
load_moves load 1000
load_moves cached 1000
much_dirty() { dirty=$(dirty_bytes) && [ "$dirty" -ge 1048576 ]; }
wait_until 20 "the cache to hold a megabyte that the volume has not" much_dirty
package_install "$(the_deb sluice)" || die "apt, the upgrade: $(tail -n 20 "$T/apt.log")"
note "to $(installed); the module $([ "$module" = "$(md5sum <"$ROOT_DIR/usr/lib/tgt/backing-store/bs_sluice.so")" ] &&
	echo "is the same" || echo "is another one than tgtd has loaded")"
# What deb-systemd-invoke restart does on a machine with systemd: stopped in the opposite order of After=, started in it.
package_down
package_up
load_moves load 1000
load_moves cached 1000
load_end load 60
load_end cached 60
note "dirty in the write-back cache: $dirty bytes before, $(dirty_bytes) after"
note "the longest stall: $(load_figure load max_stall_ms) ms"
[ "$(backups)" -gt "$before" ] || die "there is no backup of the database from before the upgrade"
settled
for name in disk cached; do
	api_ok GET "/volumes/$name" >/dev/null
	[ "$(jget .running_state)" = online ] || die "volume $name is $(jget .running_state) after the upgrade"
done

if package_install "$(package_lower 0.0.8)"; then
	die "a downgrade was not refused"
fi
tr '\n' ' ' <"$T/apt.log" | finds "is older: a downgrade could not read the database" || die "the refusal gives no reason"
[ "$(installed)" != 0.0.8 ] || die "the older version is installed"
in_root sluice --version >/dev/null || die "the refused downgrade has left no command line"
package_down
