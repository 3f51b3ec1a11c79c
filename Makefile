# SPDX-License-Identifier: MIT
# The whole build. Each folder's module.mk says what it makes; this file says how.
#
#   make [VARIANT=release|asan|tsan] [V=1]      build into build/<variant>/
#   make help                                   what else there is; tests/module.mk has the checks
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
# What was compiled once is not compiled again: the packages are built from a clean copy of what has just been tested.
CCACHE  ?= $(shell command -v ccache)
export CCACHE_DIR     ?= $(CURDIR)/build/ccache
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1
Q       := $(if $(V),,@)
say      = $(if $(V),,@printf '  %-7s %s\n' '$(1)' '$(2)')

WARN := -Wall -Wextra -Wshadow -Wvla -Wundef -Wpointer-arith -Wwrite-strings -Wstrict-prototypes \
	-Wmissing-prototypes -Wformat=2 -Wimplicit-fallthrough -Wno-unused-parameter -Werror
# No path of the machine that builds gets into what it builds.
CFLAGS_common  := -std=c11 -D_GNU_SOURCE -g -ffile-prefix-map=$(CURDIR)=. -fno-omit-frame-pointer -fno-strict-aliasing -pthread $(WARN)
CFLAGS_release := -O2 -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fstack-clash-protection -fcf-protection
# Of the sanitizers' variants only the lines are of interest that their reports name.
CFLAGS_asan    := -O1 -g1 -fsanitize=address,undefined -fno-sanitize-recover=undefined -DSLUICE_ASAN=1
CFLAGS_tsan    := -O1 -g1 -fsanitize=thread -DSLUICE_TSAN=1
LDFLAGS_release := -Wl,-z,relro,-z,now
# Hundreds of programs, which nobody installs: by the linker that takes a tenth of the time.
quick_link      := $(if $(shell command -v ld.gold),-fuse-ld=gold)
LDFLAGS_asan    := -fsanitize=address,undefined $(quick_link)
LDFLAGS_tsan    := -fsanitize=thread $(quick_link)
ifeq ($(CFLAGS_$(VARIANT)),)
$(error unknown VARIANT '$(VARIANT)': say release, asan or tsan)
endif
CFLAGS  := $(CFLAGS_common) $(CFLAGS_$(VARIANT)) $(EXTRA_CFLAGS)
LDFLAGS := -pthread $(LDFLAGS_$(VARIANT))

.DEFAULT_GOAL := all
LIBS :=
PROGS :=
PLUGINS :=
TESTS :=
HELP :=
include $(sort $(wildcard */module.mk) $(wildcard */*/module.mk) $(wildcard */*/*/module.mk))

# A missing library is named with the package that brings it. Asked only for what is being built.
pkg_deb     = $(or $(pkg_deb_$(1)),lib$(patsubst lib%,%,$(1))-dev)
pkg_check   = $(foreach p,$(1),$(if $(shell pkg-config --exists $(p) && echo y),,$(error \
	the library $(p) is missing: apt-get install $(call pkg_deb,$(p)), or sudo scripts/install-deps.sh test)))
pkg_cflags  = $(if $(1),$(call pkg_check,$(1))$(shell pkg-config --cflags $(1)))
pkg_libs    = $(if $(1),$(call pkg_check,$(1))$(shell pkg-config --libs $(1)))
pkg_deb_gnutls    := libgnutls28-dev
pkg_deb_libcrypto := libssl-dev
pkg_deb_libcurl   := libcurl4-openssl-dev

# Units that compile alike share their objects, in the folder of the first of them: the rig of thirty tests is
# compiled once. What a source is compiled with is the name of a variable whose value is that first unit.
# $(1) unit, $(2) extra compile flags
empty :=
alike = ALIKE$(subst =,~,$(subst $(empty) $(empty),!,$(strip $(2) $($(1)_INCS) / $(sort $($(1)_PKGS)) / $($(1)_CFLAGS))))
define unit_objects
ifndef $(call alike,$(1),$(2))
$(call alike,$(1),$(2)) := $(1)
$(B)/obj/$(1)/%.o: %.c $(B)/flags | deps-ok
	@mkdir -p $$(@D)
	$$(call say,CC,$$<)
	$(Q)$(CCACHE) $(CC) $(CFLAGS) $(2) $$(addprefix -I,$$($(1)_INCS)) $$(call pkg_cflags,$$($(1)_PKGS)) $$($(1)_CFLAGS) -MMD -MP -c $$< -o $$@
endif
$(1)_OBJS := $$(patsubst %.c,$(B)/obj/$$($(call alike,$(1),$(2)))/%.o,$$($(1)_SRCS))
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
-include $(sort $(ALL_OBJS:.o=.d))
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

.PHONY: FORCE all product tests variant-tests tgt-headers help clean distclean deps-ok up down demo-noisy-neighbour demo-failover demo-rekey demo-build format lint
FORCE:
deps-ok:

## all: daemons, module, plug-ins and tools
all: $(PROG_FILES) product
# What runs on an appliance, and nothing that needs a library of the tests.
of_product = $(foreach u,$(1),$(if $(filter tests/%,$($(u)_SRCS)),,$(u)))
PRODUCT_FILES := $(foreach u,$(call of_product,$(PROGS)),$(B)/bin/$(call out,$(u))) \
	$(foreach u,$(call of_product,$(PLUGINS)),$(B)/$(call out,$(u)))
product: $(PRODUCT_FILES)
ifeq ($(wildcard build/tgt-src/usr/tgtd.h)$(TGT_HEADERS_TRIED),)
# The first build: tgt's headers are fetched now, and make looks again at what can be built with them.
	$(Q)scripts/fetch-tgt-headers.sh
	$(Q)$(MAKE) --no-print-directory TGT_HEADERS_TRIED=1 product
endif
## tests: build every test program too
tests: all $(PLUGIN_FILES) $(TEST_FILES)
# Of a sanitizer's variant: the product and the test programs, not the tools that speak iSCSI; and the one tool
# that runs a part of the product. What a variant does not run (tests/module.mk) it need not build.
variant-tests: product $(PLUGIN_FILES) $(foreach u,$(filter-out $(NOT_RUN_$(VARIANT)),$(TESTS)),$(B)/tests/$(call out,$(u))) $(B)/bin/reconcile_once
## tgt-headers: fetch tgt's headers into build/tgt-src if they are not those of the installed tgt
tgt-headers:
	$(Q)scripts/fetch-tgt-headers.sh

JOBS := $(shell nproc)
# With sudo, what was built belongs to who called it, so that a later plain make can write there.
give_back = @[ -z "$$SUDO_UID" ] || [ "$$(id -u)" != 0 ] || [ ! -d build ] || chown -R "$$SUDO_UID:$$SUDO_GID" build

## up: as root: install, build and start an appliance with one volume (PORT=3260 PORTAL=127.0.0.1 WEB_PORT=8443 SIZE=1G)
up:
	@PORT='$(PORT)' PORTAL='$(PORTAL)' WEB_PORT='$(WEB_PORT)' scripts/demo.sh preflight
	@scripts/install-deps.sh build
	@scripts/fetch-tgt-headers.sh
	@echo 'sluice: building'
	+@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=release product
	$(give_back)
	@PORT='$(PORT)' PORTAL='$(PORTAL)' WEB_PORT='$(WEB_PORT)' SIZE='$(SIZE)' scripts/demo.sh up
## down: as root: stop what "make up" started, keep its data (PURGE=1 removes it)
down:
	@PURGE='$(PURGE)' scripts/demo.sh down

## demo-noisy-neighbour: as root: a greedy client beside a quiet one, without and with I/O control (SECONDS_EACH=5)
demo-noisy-neighbour: demo-build
	@SECONDS_EACH='$(SECONDS_EACH)' scripts/demo-noisy-neighbour.sh

## demo-failover: as root: an appliance is killed under load, its replica goes on, every block is read again (FAILOVERS=3)
demo-failover: demo-build
	@FAILOVERS='$(FAILOVERS)' scripts/demo-failover.sh
## demo-rekey: as root: a volume gets a new data key under load, with a kill on the way
demo-rekey: demo-build
	@scripts/demo-rekey.sh
demo-build:
	@scripts/install-deps.sh test
	@scripts/fetch-tgt-headers.sh
	+@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=release product build/release/bin/iscsi_bench \
		build/release/bin/verify_load build/release/bin/scsi_sh

## format: clang-format all C files in place
format:
	$(Q)scripts/lint.sh --fix format
## lint: format, include rules, sizes, forbidden functions, licences, thread roles, cppcheck, shellcheck
lint: compile_commands.json
	$(Q)scripts/lint.sh
## compile_commands.json: for editors and linters
compile_commands.json: FORCE
	$(Q)$(MAKE) --no-print-directory -nBk V=1 CCACHE= VARIANT=release TGT_HEADERS_TRIED=1 tests 2>/dev/null | scripts/compile-commands.py $@

## fuzz: build every tests/fuzz/fuzz_*.c into build/fuzz/
FUZZ := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
.PHONY: fuzz
fuzz: $(addprefix build/fuzz/,$(FUZZ))
# A target's comment "fuzz-units: scsi common" names the libraries that are compiled in, instrumented.
fuzz_units = $(shell sed -n 's/.*fuzz-units: *\([a-z_ ]*[a-z_]\).*/\1/p' tests/fuzz/$(1).c)
define fuzz_rule
build/fuzz/$(1): tests/fuzz/$(1).c $$(foreach u,$(2),$$($$(u)_SRCS)) $$(wildcard */*.h */*/*.h */*/*/*.h)
	@mkdir -p $$(@D)
	$$(call say,FUZZ,$$@)
	$(Q)clang -O1 $$(filter-out -Werror -g,$(CFLAGS_common)) -g1 -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=undefined -DSLUICE_FUZZ=1 $$(addprefix -I,$$(sort tests/fuzz $$(foreach u,$(2),$$($$(u)_INCS)))) \
		$$(call pkg_cflags,$$(sort $$(foreach u,$(2),$$($$(u)_PKGS)))) $$(filter %.c,$$^) -o $$@ \
		$$(call pkg_libs,$$(sort $$(foreach u,$(2),$$($$(u)_PKGS)))) $$(foreach u,$(2),$$($$(u)_LDLIBS))
endef
$(foreach f,$(FUZZ),$(eval $(call fuzz_rule,$(f),$(call fuzz_units,$(f)))))

## clean: remove what was built; tgt's headers and the compiler's cache stay
clean:
	$(Q)rm -rf $(filter-out build/tgt-src build/tgt-src.lock build/guest build/ccache,$(wildcard build/*)) compile_commands.json
## distclean: remove build/ whole
distclean:
	$(Q)rm -rf build compile_commands.json
## help: this list
help:
	@grep -hE '^## ' $(filter Makefile %.mk,$(MAKEFILE_LIST)) | sed 's/^## //' | awk -F': ' '{printf "  make %-22s %s\n", $$1, substr($$0, length($$1) + 3)}'
