# SPDX-License-Identifier: MIT
# Who keeps the keys of encrypted volumes: keystore files and KMIP servers.
LIBS += keys
keys_SRCS := $(wildcard policy/keys/*.c)
keys_INCS := policy/keys policy/apply db include common common/ctl
keys_PKGS := jansson libcrypto libssl

# What reads bytes from outside, and nothing else: for the fuzzer, which compiles whole units.
LIBS += kmip
kmip_SRCS := $(addprefix policy/keys/,kmip_ttlv.c kmip_request.c kmip_answer.c keystore_box.c secret.c)
kmip_INCS := policy/keys common
kmip_PKGS := libcrypto

KEYS_TESTS := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_keys_*.c))
TESTS += $(KEYS_TESTS)
define keys_test
$(1)_SRCS := tests/unit/$(1).c
$(1)_INCS := policy/keys common tests/unit
$(1)_LIBS := keys ctl common
$(1)_PKGS := cmocka jansson libcrypto libssl
endef
$(foreach t,$(KEYS_TESTS),$(eval $(call keys_test,$(t))))
