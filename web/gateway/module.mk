# SPDX-License-Identifier: MIT
# sluice-webd: HTTPS in front of policyd. Its pure files have tests of their own.
PROGS += sluice-webd
sluice-webd_SRCS := $(wildcard web/gateway/*.c)
sluice-webd_INCS := web/gateway common common/net
sluice-webd_LIBS := net common
sluice-webd_PKGS := libmicrohttpd gnutls libcurl libseccomp libsystemd jansson

# $(1) test, $(2) the files it tests, $(3) packages
define gateway_test
TESTS += $(1)
$(1)_SRCS := tests/unit/$(1).c $(2)
$(1)_INCS := web/gateway common
$(1)_LIBS := common
$(1)_PKGS := cmocka jansson $(3)
endef
$(eval $(call gateway_test,test_gateway_check,web/gateway/check.c))
$(eval $(call gateway_test,test_gateway_pipe,web/gateway/pipe.c))
$(eval $(call gateway_test,test_gateway_route,web/gateway/route.c))
$(eval $(call gateway_test,test_gateway_session,web/gateway/session.c))
$(eval $(call gateway_test,test_ratelimit,web/gateway/ratelimit.c))
$(eval $(call gateway_test,test_mime,web/gateway/mime.c))
