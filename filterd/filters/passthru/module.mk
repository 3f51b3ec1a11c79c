# SPDX-License-Identifier: MIT
# One object per class from the same source: passthru.so is inspection, the others bear their class.
PASSTHRU_CLASSES := replication compression encryption cache data_provider data_capture io_control

PLUGINS += filter_passthru
filter_passthru_SRCS := filterd/filters/passthru/passthru.c
filter_passthru_INCS := include filterd/filters/passthru
filter_passthru_OUT  := filters/passthru.so

define passthru_variant
PLUGINS += filter_passthru_$(1)
filter_passthru_$(1)_SRCS   := filterd/filters/passthru/passthru.c
filter_passthru_$(1)_INCS   := include filterd/filters/passthru
filter_passthru_$(1)_OUT    := filters/passthru_$(1).so
filter_passthru_$(1)_CFLAGS := -DPASSTHRU_NAME='"passthru_$(1)"' \
	-DPASSTHRU_CLASS=SLUICE_CLASS_$(shell echo $(1) | tr a-z A-Z)
endef
$(foreach c,$(PASSTHRU_CLASSES),$(eval $(call passthru_variant,$(c))))
