# SPDX-License-Identifier: GPL-2.0-only
# The module inside tgtd, and its ring client as a library of its own: the simulator links the same object.
LIBS += ring_client
ring_client_SRCS := target/arena.c target/ring_client.c target/ring_complete.c target/ring_cancel.c
ring_client_INCS := include common target
# The fences order doorbells, not data; ThreadSanitizer does not model them, and needs not.
ring_client_CFLAGS := $(if $(filter tsan,$(VARIANT)),-Wno-tsan)

# tgt's headers are in no package: scripts/fetch-tgt-headers.sh takes them from the distribution's source.
TGT_SRC ?= build/tgt-src/usr
ifneq ($(wildcard $(TGT_SRC)/tgtd.h),)
TGT_VERSION := $(shell sed -n 's/^VERSION *?*= *//p' $(TGT_SRC)/../Makefile)
PLUGINS += bs_sluice
bs_sluice_OUT  := tgt/bs_sluice.so
bs_sluice_SRCS := $(addprefix target/,bs_sluice.c conn.c conn_meet.c conn_socket.c conn_memory.c lun.c ops.c \
		  conflict.c initiator.c pr.c pr_register.c pr_status.c version.c)
bs_sluice_INCS := include common target
# System headers: tgt's own code is not held to our warnings. Only target/tgt.h includes them.
bs_sluice_CFLAGS  := -isystem $(patsubst %/,%,$(dir $(TGT_SRC))) -isystem $(TGT_SRC) -DTGT_HEADERS_VERSION='"$(TGT_VERSION)"'
bs_sluice_LIBS    := ring_client common
bs_sluice_LDFLAGS := -Wl,--exclude-libs,ALL
else
.PHONY: tgt-headers-missing
tgt-headers-missing:
	@echo 'bs_sluice.so needs the headers of tgt, and $(TGT_SRC)/tgtd.h is not there:' \
	      'run scripts/fetch-tgt-headers.sh, or say TGT_SRC=<tgt source>/usr' >&2; exit 1
$(B)/tgt/bs_sluice.so: tgt-headers-missing
endif
