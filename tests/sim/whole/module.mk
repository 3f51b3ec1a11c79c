# SPDX-License-Identifier: MIT
# Two appliances with the whole chain. The plug-ins are the product's sources, linked so that they allocate in the
# simulated process and that their logs are small; LUKS headers and locked memory are stand-ins.
WHOLE       := tests/sim/whole
WHOLE_ALLOC := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free,--wrap=aligned_alloc,--wrap=posix_memalign
WHOLE_FILES := -Wl,--wrap=remove,--wrap=sluice_rlog_open,--wrap=sluice_rlog_remove
WHOLE_SEAM_replication := -Wl,--wrap=sluice_own_submit
WHOLE_SEAM_encryption  := -Wl,--wrap=sluice_companion_submit

PLUGINS += whole_replication whole_encryption whole_cache whole_io_control
whole_replication_SRCS := $(filter_replication_SRCS)
whole_replication_INCS := $(filter_replication_INCS)
whole_replication_PKGS := $(filter_replication_PKGS)
whole_cache_SRCS       := $(filter_cache_SRCS)
whole_cache_INCS       := $(filter_cache_INCS)
whole_io_control_SRCS  := $(filter_io_control_SRCS) $(io_control_core_SRCS)
whole_io_control_INCS  := $(filter_io_control_INCS)
whole_encryption_SRCS  := $(filter_encryption_SRCS) $(filter-out %/luks.c %/luks_attach.c %/secret.c,$(encryption_core_SRCS)) \
	$(WHOLE)/luks_sim.c $(WHOLE)/secret_sim.c
whole_encryption_INCS  := $(filter_encryption_INCS)
whole_encryption_PKGS  := libcrypto jansson
define whole_plugin
whole_$(1)_SRCS    += $(WHOLE)/plugin.c
whole_$(1)_OUT     := sim-whole/$(1).so
whole_$(1)_LDFLAGS := $(WHOLE_ALLOC) $(WHOLE_FILES) $$(WHOLE_SEAM_$(1))
endef
$(foreach f,replication encryption cache io_control,$(eval $(call whole_plugin,$(f))))

TESTS += sim_whole
sim_whole_SRCS    := $(filter-out %/luks_sim.c %/secret_sim.c %/plugin.c,$(wildcard $(WHOLE)/*.c)) tests/sim/memory.c
sim_whole_INCS    := $(WHOLE) tests/sim include common filterd/env filterd/backend filterd/chain filterd/plugin filterd/filters/replication
sim_whole_LIBS    := chain log plugin backend env common
sim_whole_PKGS    := liburing jansson
sim_whole_LDFLAGS := $(WHOLE_ALLOC) -Wl,--wrap=remove -Wl,--dynamic-list=filterd/chain/sdk.symbols -Wl,--dynamic-list=$(WHOLE)/whole.symbols
sim_whole_LDLIBS  := -ldl
sim_whole_DEPS    := $(foreach f,replication encryption cache io_control,$(B)/sim-whole/$(f).so)
