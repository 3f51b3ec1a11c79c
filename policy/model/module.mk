# SPDX-License-Identifier: MIT
# What a valid policy, name, address and secret is; compliance; alerts. Pure.
LIBS += model
model_SRCS := $(wildcard policy/model/*.c)
model_INCS := common policy/model
model_PKGS := jansson

MODEL_TESTS := rules rules_diff params datastore_filter access address compliance alert schedule schedule_keep
TESTS += $(MODEL_TESTS:%=test_model_%)
define model_test
test_model_$(1)_SRCS := tests/unit/test_model_$(1).c
test_model_$(1)_INCS := common policy/model
test_model_$(1)_LIBS := model common
test_model_$(1)_PKGS := jansson cmocka
endef
$(foreach t,$(MODEL_TESTS),$(eval $(call model_test,$(t))))
