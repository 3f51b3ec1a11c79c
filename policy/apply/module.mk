# SPDX-License-Identifier: MIT
# Desired state made true: the reconciler, transfers, the sampler. Links with planner, model, store, ctl and common.
LIBS += apply
apply_SRCS := $(wildcard policy/apply/*.c)
apply_INCS := include common common/ctl db policy/model policy/plan policy/apply policy/keys policy
apply_PKGS := jansson libcrypto

apply_TEST_LIBS := apply planner model store ctl common

TESTS += test_tgt_show test_tgt_client test_seal test_reconciler test_reconciler_failures test_reconciler_filters \
	test_reconciler_slow
# $(1) name, $(2) libraries, $(3) further sources
define apply_test
test_$(1)_SRCS := tests/unit/test_$(1).c $(3)
test_$(1)_INCS := $(apply_INCS) tests/unit
test_$(1)_LIBS := $(2)
test_$(1)_PKGS := jansson cmocka libcrypto sqlite3
endef
$(eval $(call apply_test,tgt_show,apply common))
$(eval $(call apply_test,tgt_client,apply common,tests/unit/fake_tgtd.c))
$(eval $(call apply_test,seal,apply common))
$(eval $(call apply_test,reconciler_failures,apply common))
$(eval $(call apply_test,reconciler,$(apply_TEST_LIBS),tests/unit/fake_tgtd.c tests/unit/fake_control.c tests/unit/fake_snapshots.c))
$(eval $(call apply_test,reconciler_filters,$(apply_TEST_LIBS),tests/unit/store_rig.c tests/unit/fake_control.c tests/unit/fake_snapshots.c))
$(eval $(call apply_test,reconciler_slow,$(apply_TEST_LIBS),tests/unit/store_rig.c tests/unit/fake_control.c tests/unit/fake_snapshots.c))

# One round against a database, for tests that do without the whole of policyd.
PROGS += reconcile_once
reconcile_once_SRCS := tests/tools/reconcile_once.c
reconcile_once_INCS := $(apply_INCS)
reconcile_once_LIBS := $(apply_TEST_LIBS)
reconcile_once_PKGS := jansson libcrypto sqlite3

# What the sampler and the webhooks are made of.
TESTS += test_replicator_answers
$(eval $(call apply_test,replicator_answers,$(apply_TEST_LIBS),tests/unit/store_rig.c))
TESTS += test_figures test_events_feed test_webhook_sign test_alert_watch
$(eval $(call apply_test,figures,apply common))
$(eval $(call apply_test,events_feed,$(apply_TEST_LIBS),tests/unit/store_rig.c tests/unit/fake_control.c tests/unit/fake_snapshots.c))
$(eval $(call apply_test,webhook_sign,apply common))
$(eval $(call apply_test,alert_watch,$(apply_TEST_LIBS),tests/unit/store_rig.c))
