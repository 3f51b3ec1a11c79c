# SPDX-License-Identifier: MIT
LIBS += volume
volume_SRCS := $(wildcard filterd/volume/*.c)
volume_INCS := include common filterd/env filterd/backend filterd/chain filterd/plugin filterd/ring filterd/scsi \
	filterd/volume
volume_PKGS := jansson
