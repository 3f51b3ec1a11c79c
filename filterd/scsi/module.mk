# SPDX-License-Identifier: MIT
LIBS += scsi
scsi_SRCS := $(wildcard filterd/scsi/*.c)
scsi_INCS := include common filterd/env filterd/scsi
