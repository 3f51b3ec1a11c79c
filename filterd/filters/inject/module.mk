# SPDX-License-Identifier: MIT
# inject.so stands at the top (inspection), inject_data_capture.so near the bottom.
PLUGINS += filter_inject filter_inject_data_capture
filter_inject_SRCS := filterd/filters/inject/inject.c filterd/filters/inject/rule.c
filter_inject_INCS := include filterd/filters/inject
filter_inject_OUT  := filters/inject.so
filter_inject_data_capture_SRCS   := $(filter_inject_SRCS)
filter_inject_data_capture_INCS   := $(filter_inject_INCS)
filter_inject_data_capture_OUT    := filters/inject_data_capture.so
filter_inject_data_capture_CFLAGS := -DINJECT_NAME='"inject_data_capture"' \
	-DINJECT_CLASS=SLUICE_CLASS_DATA_CAPTURE
