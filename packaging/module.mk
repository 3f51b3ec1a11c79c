# SPDX-License-Identifier: MIT
# What goes where on a system, the packages, and the appliance's image.
#
# DESTDIR comes before every path; PREFIX is /usr for packages, and where tgtd and systemd look is theirs to say.
PREFIX     ?= /usr
SYSCONFDIR ?= /etc
UNITDIR    ?= /lib/systemd/system
# The unit of the distribution's tgtd: Debian says tgt, Fedora and its relatives tgtd.
TGT_SERVICE ?= tgt.service
TGTDIR     ?= /usr/lib/tgt/backing-store
FILTERDIR  ?= $(PREFIX)/lib/sluice/filters
DOCDIR     ?= $(PREFIX)/share/doc
MANDIR     ?= $(PREFIX)/share/man

SLUICE_VERSION := $(shell sed -n 's/^\#define SLUICE_VERSION "\(.*\)"/\1/p' common/release.h)

# For writers of filters and for tests: in the SDK, not on every appliance.
PLUGIN_OUTS     = $(foreach u,$(PLUGINS),$(B)/$(call out,$(u)))
SDK_FILTERS     = $(filter $(addprefix $(B)/filters/,passthru% inject% delay%),$(filter $(B)/filters/%,$(PLUGIN_OUTS)))
OUR_FILTERS     = $(filter-out $(SDK_FILTERS),$(filter $(B)/filters/%,$(PLUGIN_OUTS)))
SBIN_PROGRAMS  := sluice-filterd sluice-filterctl sluice-policyd sluice-egressd sluice-webd
BIN_PROGRAMS   := sluice sluice-logcheck
# The console where there is one built, else the plain page; asked when it is copied.
WEB_PAGES       = $(or $(CONSOLE),web/static)

.PHONY: install install-sluice install-sdk deb rpm appliance check-packages package-for-tests
put  = install -D -m 644 $(1) $(DESTDIR)$(2)
# A filter's page is made of what its writer keeps right, its .md.
filter_pages = install -d $(DESTDIR)$(MANDIR)/man7 && for f in $(patsubst $(B)/filters/%.so,%,$(1)); do \
	packaging/md2man.py $$f filterd/filters/$$f/$$f.md >$(DESTDIR)$(MANDIR)/man7/sluice-filter-$$f.7 || exit 1; done
into = for f in $(1); do install -D -m 644 "$$f" "$(DESTDIR)$(2)/$${f\#\#*/}" || exit 1; done

## install: everything into DESTDIR (PREFIX=/usr SYSCONFDIR=/etc UNITDIR=/lib/systemd/system)
install: install-sluice install-sdk
install-sluice: product
	$(Q)for p in $(SBIN_PROGRAMS); do install -D -m 755 $(B)/bin/$$p $(DESTDIR)$(PREFIX)/sbin/$$p || exit 1; done
	$(Q)for p in $(BIN_PROGRAMS); do install -D -m 755 $(B)/bin/$$p $(DESTDIR)$(PREFIX)/bin/$$p || exit 1; done
	$(Q)$(call put,$(B)/tgt/bs_sluice.so,$(TGTDIR)/bs_sluice.so)
	$(Q)$(call into,$(OUR_FILTERS),$(FILTERDIR))
	$(Q)$(call into,$(wildcard policy/samples/*.json),$(PREFIX)/share/sluice/policies)
	$(Q)cd $(WEB_PAGES) && find . -type f -exec install -D -m 644 '{}' '$(abspath $(or $(DESTDIR),/))$(PREFIX)/share/sluice/web/{}' ';'
	$(Q)$(call into,$(wildcard packaging/etc/*.conf),$(SYSCONFDIR)/sluice)
	$(Q)$(call into,$(wildcard packaging/systemd/*.service),$(UNITDIR))
	$(Q)$(call put,packaging/systemd/tgt-sluice.conf,$(UNITDIR)/$(TGT_SERVICE).d/sluice.conf)
	$(Q)$(call put,packaging/sysusers/sluice.conf,/usr/lib/sysusers.d/sluice.conf)
	$(Q)$(call put,packaging/tmpfiles/sluice.conf,/usr/lib/tmpfiles.d/sluice.conf)
	$(Q)$(foreach n,1 5 7 8,$(call into,$(wildcard docs/man/*.$(n)),$(MANDIR)/man$(n)) && ):
	$(Q)$(call filter_pages,$(OUR_FILTERS))
	$(Q)install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	$(Q)$(B)/bin/sluice completion bash >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/sluice
	$(Q)$(call into,README.md ARCHITECTURE.md docs/openapi.yaml $(wildcard docs/*.md),$(DOCDIR)/sluice)
	$(Q)$(call into,$(wildcard docs/guide/*.md),$(DOCDIR)/sluice/guide)
	$(Q)for f in $(patsubst $(B)/filters/%.so,%,$(OUR_FILTERS)); do \
		install -D -m 644 filterd/filters/$$f/$$f.md $(DESTDIR)$(DOCDIR)/sluice/filters/$$f.md || exit 1; done
	$(Q)install -d -m 755 $(DESTDIR)/var/lib/sluice
install-sdk: product
	$(Q)$(call into,$(wildcard include/sluice/*.h),$(PREFIX)/include/sluice)
	$(Q)install -d $(DESTDIR)$(PREFIX)/share/pkgconfig
	$(Q)sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@FILTERDIR@|$(FILTERDIR)|' -e 's|@VERSION@|$(SLUICE_VERSION)|' \
		packaging/sdk/sluice-filter.pc.in >$(DESTDIR)$(PREFIX)/share/pkgconfig/sluice-filter.pc
	$(Q)chmod 644 $(DESTDIR)$(PREFIX)/share/pkgconfig/sluice-filter.pc
	$(Q)$(call into,$(SDK_FILTERS),$(FILTERDIR))
	$(Q)$(call filter_pages,$(B)/filters/passthru.so $(B)/filters/inject.so $(B)/filters/delay.so)
	$(Q)$(call into,filterd/filters/passthru/passthru.c packaging/sdk/Makefile,$(DOCDIR)/sluice-filter-sdk/examples/passthru)
	$(Q)$(call into,HACKING.md $(wildcard filterd/filters/passthru/*.md filterd/filters/inject/*.md filterd/filters/delay/*.md),$(DOCDIR)/sluice-filter-sdk)

## deb: the Debian packages, into build/deb, with lintian's opinion
deb:
	@scripts/install-deps.sh packages
	@scripts/make-deb.sh
## rpm: RPMs for Fedora and its relatives, into build/rpm, with rpmlint's opinion
rpm:
	@scripts/install-deps.sh packages
	@scripts/make-rpm.sh
## appliance: as root: a disk to start a virtual machine from, build/appliance/sluice.qcow2 (SIZE=8G KERNEL=)
appliance: deb
	@scripts/make-appliance.sh

# The package and a Debian to install it into; not made again while nothing that goes into it is newer.
package-for-tests:
	@scripts/fetch-tgt-headers.sh
	@deb=$$(ls build/deb/sluice_[0-9]*_amd64.deb 2>/dev/null); if [ -z "$$deb" ] || [ -n "$$(find Makefile common db filterd \
		include packaging policy target web docs/man -type f -newer "$$deb" -print -quit)" ]; then CCACHE='$(CCACHE)' scripts/make-deb.sh; fi
	@scripts/make-package-root.sh
# The build to upgrade from: the last one with another version of the database.
OLDER ?= $(shell git log -1 --format=%h~1 -- db/schema 2>/dev/null)
## check-packages: as root: everything about packages: two builds, upgrade from an older commit, RPM, image, kernel initiator
check-packages: deb rpm
	@scripts/make-package-root.sh
	@scripts/make-guest.sh
	@scripts/make-initiator.sh
	@[ -z '$(OLDER)' ] || COMMIT='$(OLDER)' VERSION=0.0.9 OUT=build/deb-older LINTIAN=0 scripts/make-deb.sh
	@scripts/make-appliance.sh
	+@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=release tests
	@$(MAKE) --no-print-directory check-manifest PACKAGES_TOO=1
	@OLD_DEB=$$(ls build/deb-older/sluice_[0-9]*.deb 2>/dev/null) tests/lib/check.sh $(MANIFEST) packages packages-long
