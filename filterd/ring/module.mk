# SPDX-License-Identifier: MIT
LIBS += ring_server
ring_server_SRCS := $(wildcard filterd/ring/*.c)
ring_server_INCS := include common filterd/env filterd/ring
