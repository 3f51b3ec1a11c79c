# SPDX-License-Identifier: MIT
# Volumes with snapshots. It sees include/sluice, common, env and backend.
LIBS += layer
layer_SRCS := $(wildcard filterd/layer/*.c)
layer_INCS := include common filterd/env filterd/backend filterd/layer
layer_PKGS := jansson
