# SPDX-License-Identifier: MIT
PLUGINS += filter_delay
filter_delay_SRCS := filterd/filters/delay/delay.c
filter_delay_INCS := include filterd/filters/delay
filter_delay_OUT  := filters/delay.so
