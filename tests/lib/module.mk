# SPDX-License-Identifier: MIT
# An env under the test's control: virtual clock, no disk.
LIBS += fake_env
fake_env_SRCS := tests/lib/fake_env.c
fake_env_INCS := common filterd/env tests/lib

# Loaded before a daemon: a disk whose fsync takes as long as a test says.
PLUGINS += slow_sync
slow_sync_SRCS := tests/lib/slow_sync.c
slow_sync_OUT  := tests/plugins/slow_sync.so
