# SPDX-License-Identifier: MIT
# Programs that speak iSCSI to a LUN for the integration tests and the benchmark. Installed nowhere.
LIBS += initiator
initiator_SRCS := tests/tools/initiator.c tests/tools/cdb.c
initiator_INCS := tests/tools common
initiator_PKGS := libiscsi

PROGS += scsi_sh verify_load two_initiators iscsi_bench caw_counters

scsi_sh_SRCS := tests/tools/scsi_sh.c tests/tools/scsi_cmd.c
verify_load_SRCS := tests/tools/verify_load.c tests/tools/load_map.c tests/tools/load_ops.c \
	tests/tools/load_session.c
two_initiators_SRCS := tests/tools/two_initiators.c
iscsi_bench_SRCS := tests/tools/iscsi_bench.c
caw_counters_SRCS := tests/tools/caw_counters.c

define tool_unit
$(1)_INCS := tests/tools common
$(1)_LIBS := initiator common
$(1)_PKGS := libiscsi
endef
$(foreach t,scsi_sh verify_load two_initiators iscsi_bench caw_counters,$(eval $(call tool_unit,$(t))))

# A database on a disk: SQLite over libiscsi.
PROGS += sqlite_disk
sqlite_disk_SRCS := tests/tools/sqlite_disk.c tests/tools/disk_vfs.c
sqlite_disk_INCS := tests/tools common
sqlite_disk_LIBS := initiator common
sqlite_disk_PKGS := libiscsi sqlite3

# The KMIP client by hand.
PROGS += kmip_sh
kmip_sh_SRCS := tests/tools/kmip_sh.c
kmip_sh_INCS := tests/tools common policy/keys
kmip_sh_LIBS := keys ctl common
kmip_sh_PKGS := jansson libcrypto libssl
