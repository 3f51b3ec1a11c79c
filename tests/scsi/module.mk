# SPDX-License-Identifier: MIT
# Unit tests of the SCSI device server: each over a fake host, and each without an argument runs all.
scsi_TEST_UNITS := $(patsubst tests/scsi/%.c,%,$(wildcard tests/scsi/test_scsi_*.c))
TESTS += $(scsi_TEST_UNITS)
define scsi_test_unit
$(1)_SRCS := tests/scsi/$(1).c tests/scsi/fake_host.c tests/scsi/cdbs.c tests/scsi/copy_cdbs.c
$(1)_INCS := include common filterd/env filterd/scsi tests/scsi
$(1)_LIBS := scsi common
$(1)_PKGS := cmocka
endef
$(foreach u,$(scsi_TEST_UNITS),$(eval $(call scsi_test_unit,$(u))))
