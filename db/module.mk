# SPDX-License-Identifier: MIT
# The only door to SQLite. A program that links store names jansson, sqlite3 and libcrypto in its _PKGS.
LIBS += store
store_SRCS := $(wildcard db/*.c)
store_INCS := db common
store_PKGS := jansson sqlite3 libcrypto

# The SQL is embedded: a changed migration builds it anew.
$(B)/obj/store/db/migrations.o: $(wildcard db/schema/*.sql)

STORE_TESTS := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_store_*.c)) test_history
TESTS += $(STORE_TESTS)
define store_test
$(1)_SRCS := tests/unit/$(1).c tests/unit/store_rig.c
$(1)_INCS := db common tests/unit
$(1)_LIBS := store common
$(1)_PKGS := cmocka jansson sqlite3 libcrypto
endef
$(foreach t,$(STORE_TESTS),$(eval $(call store_test,$(t))))
