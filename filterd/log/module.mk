# SPDX-License-Identifier: MIT
# The record log. It sees env and common only; daemon, simulators, tools and tests link these objects.
LIBS += log
log_SRCS := $(wildcard filterd/log/*.c)
log_INCS := include common filterd/env filterd/log

define rlog_test
TESTS += $(1)
$(1)_SRCS := tests/unit/$(1).c tests/unit/rlog_rig.c
$(1)_INCS := include common filterd/env filterd/log tests/lib tests/unit
$(1)_LIBS := log fake_env common
$(1)_PKGS := cmocka jansson
endef
$(foreach t,$(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_rlog_*.c)),$(eval $(call rlog_test,$(t))))

PROGS += bench_rlog
bench_rlog_SRCS := tests/perf/bench_rlog.c
bench_rlog_INCS := include common filterd/env filterd/log
bench_rlog_LIBS := log env common
bench_rlog_PKGS := liburing jansson
test_rlog_logcheck_SRCS += filterd/logcheck/image.c filterd/logcheck/explain.c filterd/logcheck/dump.c
test_rlog_logcheck_INCS += filterd/logcheck
