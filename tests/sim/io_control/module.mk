# SPDX-License-Identifier: MIT
# I/O control on a virtual clock: the daemon's very scheduler and controller, simulated devices and clients.
TESTS += sim_io_control
sim_io_control_SRCS := $(wildcard tests/sim/io_control/*.c)
sim_io_control_INCS := tests/sim/io_control tests/sim filterd/filters/io_control common
sim_io_control_LIBS := io_control_core common
sim_io_control_PKGS := jansson
