# SPDX-License-Identifier: MIT
PLUGINS += filter_trace
filter_trace_SRCS := filterd/filters/trace/trace.c
filter_trace_INCS := include filterd/filters/trace
filter_trace_OUT  := filters/trace.so
