# SPDX-License-Identifier: MIT
# Requests to the real routes and database, without daemons; rest_rig.c stands in for these.
REST_TESTS := $(patsubst tests/rest/%.c,%,$(wildcard tests/rest/test_*.c))
TESTS += $(REST_TESTS) test_connect

# Its own tables of routes, so not librest with those of everything.
REST_UNDER_TEST := $(addprefix policy/rest/,tasks.c stats.c connect.c) $(wildcard $(addprefix policy/rest/,access*.c \
	datastores.c host*.c key*.c portals.c replication*.c targets.c transfers.c unmanaged.c volume*.c snapshot*.c))

define rest_test
$(1)_SRCS := tests/rest/$(1).c tests/rest/rest_rig.c policy/apply/seal.c policy/apply/filterd_client.c \
	$(wildcard policy/apply/transfer*.c policy/apply/key_names.c policy/apply/tgt_*.c policy/apply/snapshotter*.c) \
	policy/apply/asks.c policy/apply/notes.c policy/apply/notice.c $(REST_UNDER_TEST)
$(1)_INCS := tests/rest tests/unit policy policy/http policy/rest policy/apply policy/keys policy/model policy/plan db \
	common common/ctl include
$(1)_LIBS := http keys planner model store ctl common
$(1)_PKGS := cmocka jansson sqlite3 libcrypto libssl libmicrohttpd
endef
$(foreach t,$(REST_TESTS),$(eval $(call rest_test,$(t))))
test_rest_cache_SRCS += tests/unit/fake_control.c tests/unit/fake_snapshots.c
test_rest_snapshots_SRCS += tests/unit/fake_control.c tests/unit/fake_snapshots.c
test_rest_schedules_SRCS += tests/unit/fake_control.c tests/unit/fake_snapshots.c

test_connect_SRCS := tests/unit/test_connect.c policy/rest/connect.c
test_connect_INCS := policy/rest
test_connect_PKGS := cmocka jansson
