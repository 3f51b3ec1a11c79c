# SPDX-License-Identifier: MIT
# The module's ring client against a server made of a few lines (client_fixture), and the smallest server
# a LUN can live with (fake_filterd) for tests of the module in a real tgtd.
PROGS += fake_filterd
fake_filterd_SRCS := tests/lib/fake_filterd.c
fake_filterd_INCS := include common
fake_filterd_CFLAGS := $(if $(filter tsan,$(VARIANT)),-Wno-tsan)

RING_CLIENT_TESTS := test_ring_client_completes_once test_ring_client_queues test_ring_client_cancels \
	test_ring_client_aborts test_ring_client_reconnects test_ring_client_distrusts \
	test_ring_client_doorbell test_ring_client_arena test_ring_client_stale_hints
TESTS += $(RING_CLIENT_TESTS)
define ring_client_test
$(1)_SRCS := tests/ring/client/$(1).c tests/ring/client/client_fixture.c
$(1)_INCS := include common target tests/ring/client
$(1)_LIBS := ring_client
$(1)_PKGS := cmocka
endef
$(foreach t,$(RING_CLIENT_TESTS),$(eval $(call ring_client_test,$(t))))

# Parts of the module that need no tgtd.
TESTS += test_module_knows_tgtd test_module_reservation_masks
test_module_knows_tgtd_SRCS := tests/ring/client/test_module_knows_tgtd.c target/version.c
test_module_knows_tgtd_INCS := common target
test_module_knows_tgtd_LIBS := common
test_module_knows_tgtd_PKGS := cmocka
test_module_reservation_masks_SRCS := tests/ring/client/test_module_reservation_masks.c target/conflict.c
test_module_reservation_masks_INCS := target
test_module_reservation_masks_PKGS := cmocka

# The whole module in a test program, with tgt_stub for a tgtd. target/module.mk was read before or will be: TGT_SRC has
# the same default there.
TGT_SRC ?= build/tgt-src/usr
ifneq ($(wildcard $(TGT_SRC)/tgtd.h),)
TESTS += test_module_under_sanitizers
test_module_under_sanitizers_SRCS := tests/ring/client/test_module_under_sanitizers.c tests/lib/tgt_stub.c \
	$(addprefix target/,bs_sluice.c conn.c conn_meet.c conn_socket.c conn_memory.c lun.c ops.c conflict.c initiator.c pr.c pr_register.c pr_status.c \
	version.c)
test_module_under_sanitizers_INCS := include common target tests/lib
test_module_under_sanitizers_CFLAGS := -isystem $(patsubst %/,%,$(dir $(TGT_SRC))) -isystem $(TGT_SRC)
test_module_under_sanitizers_LIBS := ring_client common
test_module_under_sanitizers_PKGS := cmocka
test_module_under_sanitizers_DEPS := $(B)/bin/fake_filterd
endif
