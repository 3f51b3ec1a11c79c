# SPDX-License-Identifier: MIT
# The engine knows the outside only by host.h; replication.c and glue*.c are the filter around it, tests/sim/repl
# the simulator around the same objects.
REPLICATION := filterd/filters/replication

# The wire: frames, credit, compression, digests.
LIBS += replication_wire
replication_wire_SRCS := $(addprefix $(REPLICATION)/,frame.c frame_out.c compress.c credit.c digest.c)
replication_wire_INCS := include $(REPLICATION)
replication_wire_PKGS := liblz4 libzstd libxxhash

LIBS += replication
replication_SRCS := $(filter-out $(replication_wire_SRCS) $(REPLICATION)/replication.c $(wildcard $(REPLICATION)/glue*.c),$(wildcard $(REPLICATION)/*.c))
replication_INCS := include $(REPLICATION)

PLUGINS += filter_replication
filter_replication_SRCS := $(wildcard $(REPLICATION)/*.c)
filter_replication_INCS := include $(REPLICATION)
filter_replication_PKGS := liblz4 libzstd libxxhash
filter_replication_OUT  := filters/replication.so

# From here on what only needs the wire.
define replication_wire_test
TESTS += $(1)
$(1)_SRCS := tests/unit/$(1).c
$(1)_INCS := include $(REPLICATION) tests/unit
$(1)_LIBS := replication_wire log common
$(1)_PKGS := cmocka liblz4 libzstd jansson
endef
$(foreach t,$(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_repl_wire_*.c)),$(eval $(call replication_wire_test,$(t))))

# One file of the engine, with what it needs invented.
TESTS += test_repl_journal test_repl_gate
test_repl_journal_SRCS := tests/unit/test_repl_journal.c $(REPLICATION)/journal.c $(REPLICATION)/bitmap.c
test_repl_journal_INCS := include $(REPLICATION) tests/unit
test_repl_journal_PKGS := cmocka
test_repl_gate_SRCS := tests/unit/test_repl_gate.c $(REPLICATION)/gate.c $(REPLICATION)/bitmap.c
test_repl_gate_INCS := include $(REPLICATION) tests/unit
test_repl_gate_PKGS := cmocka

# The state machine, pure.
TESTS += test_repl_node test_repl_node_roles
test_repl_node_roles_SRCS := tests/unit/test_repl_node_roles.c tests/unit/node_rig.c $(wildcard $(REPLICATION)/node*.c) $(REPLICATION)/lineage.c
test_repl_node_roles_INCS := include $(REPLICATION) tests/unit
test_repl_node_roles_PKGS := cmocka
test_repl_node_SRCS := tests/unit/test_repl_node.c tests/unit/node_rig.c $(wildcard $(REPLICATION)/node*.c) $(REPLICATION)/lineage.c
test_repl_node_INCS := include $(REPLICATION) tests/unit
test_repl_node_PKGS := cmocka
TESTS += test_repl_split
test_repl_split_SRCS := tests/unit/test_repl_split.c $(filter-out %/test_repl_node.c,$(test_repl_node_SRCS))
test_repl_split_INCS := $(test_repl_node_INCS)
test_repl_split_PKGS := cmocka

# The secondary's receiver with real stages; the group around it is the rig's. For tests and for tests/fuzz.
LIBS += receiver_rig
receiver_rig_SRCS := $(addprefix tests/unit/,receiver_rig.c receiver_rig_host.c rlog_rig.c) \
	$(addprefix $(REPLICATION)/,stage.c turns.c) $(wildcard $(REPLICATION)/receiver*.c)
receiver_rig_INCS := include $(REPLICATION) common filterd/env filterd/log tests/lib tests/unit

define receiver_test
TESTS += $(1)
$(1)_SRCS := tests/unit/$(1).c
$(1)_INCS := $(receiver_rig_INCS)
$(1)_LIBS := receiver_rig replication_wire log fake_env common
$(1)_PKGS := cmocka liblz4 libzstd jansson
endef
$(foreach t,$(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_repl_receiver_*.c)),$(eval $(call receiver_test,$(t))))

# What may differ, and the bandwidth: no group around them.
define primary_test
TESTS += $(1)
$(1)_SRCS := tests/unit/$(1).c $(addprefix $(REPLICATION)/,$(2))
$(1)_INCS := include $(REPLICATION) tests/unit
$(1)_LIBS := log common
$(1)_PKGS := cmocka
endef
$(eval $(call primary_test,test_repl_bitmap,bitmap.c))
$(eval $(call primary_test,test_repl_pace,pace.c))
$(eval $(call primary_test,test_repl_verify,bitmap.c verify.c))
$(eval $(call primary_test,test_repl_hot,bitmap.c hot.c hot_commit.c hot_load.c))

# When a resync begins; the group around it is the test's.
TESTS += test_repl_advance
test_repl_advance_SRCS := tests/unit/test_repl_advance.c $(addprefix $(REPLICATION)/,bitmap.c group_act.c)
test_repl_advance_INCS := include $(REPLICATION) tests/unit
test_repl_advance_PKGS := cmocka

# When windows begin; the log, the link and the group are the test's.
TESTS += test_repl_window
test_repl_window_SRCS := tests/unit/test_repl_window.c $(addprefix $(REPLICATION)/,window.c)
test_repl_window_INCS := include $(REPLICATION) tests/unit
test_repl_window_LIBS := replication_wire log common
test_repl_window_PKGS := cmocka liblz4 libzstd jansson

# A primary's marks; the group around them is the test's.
TESTS += test_repl_mark
test_repl_mark_SRCS := tests/unit/test_repl_mark.c $(addprefix $(REPLICATION)/,mark.c mark_stream.c)
test_repl_mark_INCS := include $(REPLICATION)
test_repl_mark_LIBS := replication_wire log common
test_repl_mark_PKGS := cmocka liblz4 libzstd jansson

PROGS += bench_repl_compress
bench_repl_compress_SRCS := tests/perf/bench_repl_compress.c
bench_repl_compress_INCS := include $(REPLICATION) common
bench_repl_compress_LIBS := replication_wire log common
bench_repl_compress_PKGS := liblz4 libzstd jansson
