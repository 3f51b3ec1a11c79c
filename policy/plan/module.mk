# SPDX-License-Identifier: MIT
# Desired against running: the steps between them. Pure.
LIBS += planner
planner_SRCS := $(wildcard policy/plan/*.c)
planner_INCS := common policy/model policy/plan
planner_PKGS := jansson

TESTS += test_planner_converges
test_planner_converges_SRCS := $(addprefix tests/unit/,test_planner_converges.c planner_world.c \
	planner_world_filterd.c planner_world_tgtd.c planner_world_check.c planner_wish.c planner_wish_check.c)
test_planner_converges_INCS := common policy/model policy/plan tests/unit
test_planner_converges_LIBS := planner model common
test_planner_converges_PKGS := jansson cmocka

TESTS += test_planner_steps test_planner_problems test_planner_replication test_planner_snapshots
define planner_test
test_planner_$(1)_SRCS := tests/unit/test_planner_$(1).c
test_planner_$(1)_INCS := common policy/model policy/plan
test_planner_$(1)_LIBS := planner model common
test_planner_$(1)_PKGS := jansson cmocka
endef
$(foreach t,steps problems replication snapshots,$(eval $(call planner_test,$(t))))
