# SPDX-License-Identifier: MIT
# Filters as shared objects: loading and checking.
LIBS += plugin
plugin_SRCS := $(wildcard filterd/plugin/*.c)
plugin_INCS := include common filterd/plugin
