# SPDX-License-Identifier: MIT
# The chain and the host's half of the filter SDK. Programs that load filters link with
#   -Wl,--dynamic-list=$(SDK_SYMBOLS)
SDK_SYMBOLS := filterd/chain/sdk.symbols
LIBS += chain
chain_SRCS := $(wildcard filterd/chain/*.c)
chain_INCS := include common filterd/env filterd/backend filterd/chain filterd/plugin filterd/log
