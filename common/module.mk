# SPDX-License-Identifier: MIT
LIBS += common
common_SRCS := $(wildcard common/*.c)
common_INCS := common
common_PKGS := jansson
