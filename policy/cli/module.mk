# SPDX-License-Identifier: MIT
# The administrator's command line. cli: all but main(), so that tests can call it.
LIBS += cli
cli_SRCS := $(filter-out policy/cli/main.c,$(wildcard policy/cli/*.c))
cli_INCS := common policy/cli
cli_PKGS := jansson libcurl libssl libcrypto

PROGS += sluice
sluice_SRCS := policy/cli/main.c
sluice_INCS := common policy/cli
sluice_LIBS := cli common
sluice_PKGS := jansson libcurl libssl libcrypto

cli_TESTS := test_cli_args test_cli_follow test_cli_value
TESTS += $(cli_TESTS)
define cli_test
$(1)_SRCS := tests/unit/$(1).c
$(1)_INCS := common policy/cli
$(1)_LIBS := cli common
$(1)_PKGS := cmocka jansson libcurl libssl libcrypto
endef
$(foreach t,$(cli_TESTS),$(eval $(call cli_test,$(t))))
