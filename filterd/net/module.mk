# SPDX-License-Identifier: MIT
# Other appliances: identity, pairing, links for filters, calls, witness.
LIBS += peernet
peernet_SRCS := $(wildcard filterd/net/*.c)
peernet_INCS := filterd/net include common filterd/env filterd/chain
peernet_PKGS := libssl libcrypto jansson

LIBS += net_rig
net_rig_SRCS := tests/lib/net_rig.c
net_rig_INCS := tests/lib $(peernet_INCS)
net_rig_PKGS := cmocka libssl libcrypto jansson

NET_TESTS := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_peer_*.c tests/unit/test_link_*.c))
TESTS += $(NET_TESTS)
define net_test
$(1)_SRCS := tests/unit/$(1).c
$(1)_INCS := tests/lib $(peernet_INCS)
$(1)_LIBS := net_rig peernet env common
$(1)_PKGS := cmocka libssl libcrypto jansson liburing
endef
$(foreach t,$(NET_TESTS),$(eval $(call net_test,$(t))))

# A filter with a link, for the tests with real daemons.
PLUGINS += link_probe
link_probe_SRCS := tests/lib/link_probe.c
link_probe_INCS := include
link_probe_OUT  := tests/plugins/link_probe.so
test_link_two_ends_DEPS += $(B)/tests/plugins/link_probe.so # built with the tests

# What the wire alone costs a sender: OpenSSL and the kernel, nothing of ours.
PROGS += bench_tls_stream
bench_tls_stream_SRCS := tests/perf/bench_tls_stream.c
bench_tls_stream_PKGS := libssl libcrypto
