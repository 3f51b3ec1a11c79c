# SPDX-License-Identifier: MIT
# sluice-logcheck looks at a record log and changes nothing. It links the format, not the engine.
PROGS += sluice-logcheck
sluice-logcheck_SRCS := $(wildcard filterd/logcheck/*.c)
sluice-logcheck_INCS := filterd/logcheck filterd/log include common
sluice-logcheck_LIBS := log common
sluice-logcheck_PKGS := jansson
