# SPDX-License-Identifier: MIT
# An env under the test's control: virtual clock, no disk.
LIBS += fake_env
fake_env_SRCS := tests/lib/fake_env.c
fake_env_INCS := common filterd/env tests/lib
