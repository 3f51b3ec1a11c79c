# SPDX-License-Identifier: MIT
LIBS += common
common_SRCS := $(wildcard common/*.c)
common_INCS := common
common_PKGS := jansson

TESTS += test_destination
test_destination_SRCS := tests/unit/test_destination.c
test_destination_INCS := common
test_destination_LIBS := common
test_destination_PKGS := cmocka

TESTS += test_crc32c
test_crc32c_SRCS := tests/unit/test_crc32c.c
test_crc32c_INCS := common
test_crc32c_LIBS := common
test_crc32c_PKGS := cmocka
