# SPDX-License-Identifier: MIT
LIBS += rest
rest_SRCS := $(wildcard policy/rest/*.c)
rest_INCS := policy/rest policy/http policy policy/apply policy/keys policy/model policy/plan db common common/ctl include
rest_PKGS := jansson libcrypto libssl

TESTS += test_metrics test_config_diff test_samples
# $(1) name, $(2) sources, $(3) libraries
define rest_test
test_$(1)_SRCS := tests/unit/test_$(1).c $(2)
test_$(1)_INCS := $(rest_INCS) tests/unit
test_$(1)_LIBS := $(3)
test_$(1)_PKGS := cmocka jansson sqlite3 libcrypto
endef
$(eval $(call rest_test,metrics,policy/rest/metrics.c,common))
$(eval $(call rest_test,config_diff,policy/rest/config_diff.c policy/rest/config_sections.c,model common))
$(eval $(call rest_test,samples,policy/rest/samples.c policy/rest/volume_rows.c tests/unit/store_rig.c,model store common))
