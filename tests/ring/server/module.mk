# SPDX-License-Identifier: MIT
RING_SERVER_TESTS := claims recover hostile map
TESTS += $(addprefix test_ring_server_,$(RING_SERVER_TESTS))
define ring_server_test
test_ring_server_$(1)_SRCS := tests/ring/server/test_ring_server_$(1).c tests/ring/server/ring_fixture.c
test_ring_server_$(1)_INCS := include common filterd/env filterd/ring tests/ring/server
test_ring_server_$(1)_LIBS := ring_server common
test_ring_server_$(1)_PKGS := cmocka jansson
endef
$(foreach t,$(RING_SERVER_TESTS),$(eval $(call ring_server_test,$(t))))

# Two real threads: the client that tgtd has, and the server. Meant for VARIANT=tsan, passes in each.
TESTS += test_ring_server_threads
test_ring_server_threads_SRCS := tests/ring/server/test_ring_server_threads.c
test_ring_server_threads_INCS := include common filterd/env filterd/ring target
test_ring_server_threads_LIBS := ring_client ring_server common
test_ring_server_threads_PKGS := jansson
