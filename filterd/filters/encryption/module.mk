# SPDX-License-Identifier: MIT
# The pure part: cipher, header and memory for keys know nothing of the SDK; tests and benchmarks link these objects.
ENCRYPTION := filterd/filters/encryption

LIBS += encryption_core
encryption_core_SRCS := $(addprefix $(ENCRYPTION)/,xts.c secret.c seal_keys.c luks.c luks_attach.c luks_file.c reencrypt_pace.c)
encryption_core_INCS := include $(ENCRYPTION)
encryption_core_PKGS := libcrypto libcryptsetup jansson

# It gives OpenSSL its allocator, so it may never be unloaded.
PLUGINS += filter_encryption
filter_encryption_SRCS    := $(addprefix $(ENCRYPTION)/,encryption.c command.c job.c key.c scan.c export.c crypt_io.c snapshot.c seal.c \
	companion.c companion_hold.c companion_put.c companion_take.c \
	reencrypt.c reencrypt_begin.c reencrypt_look.c reencrypt_map.c reencrypt_own.c reencrypt_record.c reencrypt_walk.c)
filter_encryption_INCS    := include $(ENCRYPTION)
filter_encryption_LIBS    := encryption_core
filter_encryption_PKGS    := libcrypto libcryptsetup jansson
filter_encryption_LDFLAGS := -Wl,--exclude-libs,ALL -Wl,-z,nodelete
filter_encryption_OUT     := filters/encryption.so

# Tests of the pure part. Their sources stand with the other unit tests.
define encryption_core_test
TESTS += $(1)
$(1)_SRCS := tests/unit/$(1).c
$(1)_INCS := include $(ENCRYPTION)
$(1)_LIBS := encryption_core
$(1)_PKGS := cmocka libcrypto libcryptsetup jansson
endef
$(foreach t,test_encryption_xts test_encryption_pace test_encryption_secret test_encryption_seal_keys test_encryption_luks test_encryption_luks_attach,$(eval $(call encryption_core_test,$(t))))

# The plug-in in a chain on memory, on a virtual clock.
define encryption_test
TESTS += $(1)
$(1)_SRCS    := tests/unit/$(1).c tests/unit/encryption_rig.c
$(1)_INCS    := include common filterd/env filterd/backend filterd/chain filterd/plugin tests/lib tests/unit
$(1)_LIBS    := chain log plugin backend fake_env common
$(1)_PKGS    := cmocka jansson
$(1)_LDFLAGS := -Wl,--dynamic-list=filterd/chain/sdk.symbols
$(1)_LDLIBS  := -ldl
$(1)_DEPS    := $(B)/filters/encryption.so $(B)/filters/inject.so $(B)/filters/inject_data_capture.so
endef
$(foreach t,$(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_encryption_filter_*.c)),$(eval $(call encryption_test,$(t))))

# As above, in a world that outlives processes.
define encryption_reencrypt_test
TESTS += $(1)
$(1)_SRCS    := tests/unit/$(1).c $(addprefix tests/unit/reencrypt_,rig.c life.c host.c disk.c)
$(1)_INCS    := include $(ENCRYPTION) common filterd/env filterd/backend filterd/chain filterd/plugin tests/lib tests/unit
$(1)_LIBS    := encryption_core chain log plugin backend fake_env common
$(1)_PKGS    := cmocka jansson libcrypto libcryptsetup
$(1)_LDFLAGS := -Wl,--dynamic-list=filterd/chain/sdk.symbols
$(1)_LDLIBS  := -ldl
$(1)_DEPS    := $(B)/filters/encryption.so
endef
$(foreach t,$(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_encryption_reencrypt_*.c)),$(eval $(call encryption_reencrypt_test,$(t))))

PROGS += bench_xts
bench_xts_SRCS    := tests/perf/bench_xts.c
bench_xts_INCS    := include $(ENCRYPTION) common filterd/env filterd/backend filterd/chain filterd/plugin tests/lib
bench_xts_LIBS    := encryption_core chain log plugin fake_env common
bench_xts_PKGS    := libcrypto libcryptsetup jansson
bench_xts_LDFLAGS := -Wl,--dynamic-list=filterd/chain/sdk.symbols
bench_xts_LDLIBS  := -ldl
bench_xts_DEPS    := $(B)/filters/encryption.so

TESTS += test_encryption_position
test_encryption_position_SRCS := tests/unit/test_encryption_position.c
test_encryption_position_INCS := include common filterd/env filterd/backend filterd/chain filterd/volume
test_encryption_position_LIBS := plan backend env common
test_encryption_position_PKGS := jansson cmocka liburing
