# SPDX-License-Identifier: MIT
# The whole build. Each folder's module.mk says what it makes; this file says how.
#
#   make [VARIANT=release|asan|tsan] [V=1]      build into build/<variant>/
#   make help                                   what else there is
#
# A unit is one library, program, plug-in or test:
#   LIBS/PROGS/PLUGINS/TESTS += <unit>
#   <unit>_SRCS    its sources            <unit>_INCS   the folders it may include from, and no others
#   <unit>_LIBS    our libraries, users before used
#   <unit>_PKGS    pkg-config names       <unit>_CFLAGS / _LDFLAGS / _LDLIBS
#   <unit>_OUT     file name if not the unit's
SHELL := /bin/bash
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
.SUFFIXES:

VARIANT ?= release
B       := build/$(VARIANT)
CC      := gcc
AR      := gcc-ar
Q       := $(if $(V),,@)
say      = $(if $(V),,@printf '  %-7s %s\n' '$(1)' '$(2)')

WARN := -Wall -Wextra -Wshadow -Wvla -Wundef -Wpointer-arith -Wwrite-strings -Wstrict-prototypes \
	-Wmissing-prototypes -Wformat=2 -Wimplicit-fallthrough -Wno-unused-parameter -Werror
CFLAGS_common  := -std=c11 -D_GNU_SOURCE -g -fno-omit-frame-pointer -fno-strict-aliasing -pthread $(WARN)
CFLAGS_release := -O2 -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fstack-clash-protection -fcf-protection
CFLAGS_asan    := -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined -DSLUICE_ASAN=1
CFLAGS_tsan    := -O1 -fsanitize=thread -DSLUICE_TSAN=1
LDFLAGS_release := -Wl,-z,relro,-z,now
LDFLAGS_asan    := -fsanitize=address,undefined
LDFLAGS_tsan    := -fsanitize=thread
ifeq ($(CFLAGS_$(VARIANT)),)
$(error unknown VARIANT '$(VARIANT)': say release, asan or tsan)
endif
CFLAGS  := $(CFLAGS_common) $(CFLAGS_$(VARIANT)) $(EXTRA_CFLAGS)
LDFLAGS := -pthread $(LDFLAGS_$(VARIANT))

.DEFAULT_GOAL := all
LIBS := PROGS := PLUGINS := TESTS :=
LIBS :=
PROGS :=
PLUGINS :=
TESTS :=
HELP :=
include $(sort $(wildcard */module.mk) $(wildcard */*/module.mk) $(wildcard */*/*/module.mk))

pkg_cflags = $(if $(1),$(shell pkg-config --cflags $(1)))
pkg_libs   = $(if $(1),$(shell pkg-config --libs $(1)))

# $(1) unit, $(2) extra compile flags
define unit_objects
$(1)_OBJS := $$(patsubst %.c,$(B)/obj/$(1)/%.o,$$($(1)_SRCS))
$(B)/obj/$(1)/%.o: %.c $(B)/flags | deps-ok
	@mkdir -p $$(@D)
	$$(call say,CC,$$<)
	$(Q)$(CC) $(CFLAGS) $(2) $$(addprefix -I,$$($(1)_INCS)) $$(call pkg_cflags,$$($(1)_PKGS)) $$($(1)_CFLAGS) -MMD -MP -c $$< -o $$@
-include $$($(1)_OBJS:.o=.d)
ALL_OBJS += $$($(1)_OBJS)
endef

define lib_rule
$(B)/lib/lib$(1).a: $$($(1)_OBJS)
	@mkdir -p $$(@D)
	$$(call say,AR,$$@)
	$(Q)rm -f $$@ && $(AR) rcs $$@ $$^
endef

define link_rule
$(2): $$($(1)_OBJS) $$(patsubst %,$(B)/lib/lib%.a,$$($(1)_LIBS)) $$($(1)_DEPS)
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$(Q)$(CC) $(LDFLAGS) $(3) $$($(1)_LDFLAGS) -o $$@ $$($(1)_OBJS) -Wl,--start-group $$(patsubst %,$(B)/lib/lib%.a,$$($(1)_LIBS)) -Wl,--end-group $$(call pkg_libs,$$($(1)_PKGS)) $$($(1)_LDLIBS)
endef

out = $(if $($(1)_OUT),$($(1)_OUT),$(1))
$(foreach u,$(LIBS),$(eval $(call unit_objects,$(u),-fPIC)))
$(foreach u,$(PROGS) $(TESTS),$(eval $(call unit_objects,$(u),-fPIE)))
$(foreach u,$(PLUGINS),$(eval $(call unit_objects,$(u),-fPIC -fvisibility=hidden)))
$(foreach u,$(LIBS),$(eval $(call lib_rule,$(u))))
$(foreach u,$(PROGS),$(eval $(call link_rule,$(u),$(B)/bin/$(call out,$(u)),-pie)))
$(foreach u,$(TESTS),$(eval $(call link_rule,$(u),$(B)/tests/$(call out,$(u)),-pie)))
$(foreach u,$(PLUGINS),$(eval $(call link_rule,$(u),$(B)/$(call out,$(u)),-shared)))

PROG_FILES   := $(foreach u,$(PROGS),$(B)/bin/$(call out,$(u)))
PLUGIN_FILES := $(foreach u,$(PLUGINS),$(B)/$(call out,$(u)))
TEST_FILES   := $(foreach u,$(TESTS),$(B)/tests/$(call out,$(u)))

# Rebuild everything when the flags change.
$(B)/flags: FORCE
	@mkdir -p $(@D); echo '$(CFLAGS) | $(LDFLAGS)' | cmp -s - $@ || echo '$(CFLAGS) | $(LDFLAGS)' > $@

.PHONY: FORCE all tests help clean deps-ok
FORCE:
deps-ok:

## all: daemons, module, plug-ins and tools
all: $(PROG_FILES) $(PLUGIN_FILES)
## tests: build every test program too
tests: all $(TEST_FILES)
## clean: remove build/
clean:
	$(Q)rm -rf build compile_commands.json
## help: this list
help:
	@grep -hE '^## ' $(MAKEFILE_LIST) | sed 's/^## //' | awk -F': ' '{printf "  make %-22s %s\n", $$1, $$2}'
