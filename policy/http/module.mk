# SPDX-License-Identifier: MIT
LIBS += http
http_SRCS := $(wildcard policy/http/*.c)
http_INCS := policy/http policy policy/apply policy/plan db common common/ctl
http_PKGS := jansson libmicrohttpd libcrypto

http_TESTS := test_http_target test_http_body test_http_lockout test_router test_password
TESTS += $(http_TESTS)
define http_test
$(1)_SRCS := tests/unit/$(1).c
$(1)_INCS := $(http_INCS)
$(1)_LIBS := http common
$(1)_PKGS := cmocka jansson libcrypto
endef
$(foreach t,$(http_TESTS),$(eval $(call http_test,$(t))))
