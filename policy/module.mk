# SPDX-License-Identifier: MIT
# sluice-policyd: all of the policy plane that has rights.
PROGS += sluice-policyd
sluice-policyd_SRCS := policy/main.c policy/options.c policy/routes_print.c policy/confine.c
sluice-policyd_INCS := policy policy/rest policy/http policy/apply policy/keys db include common common/ctl
sluice-policyd_LIBS := rest http keys apply planner model store ctl common
sluice-policyd_PKGS := jansson libmicrohttpd libcrypto libssl libseccomp libsystemd sqlite3
