/* SPDX-License-Identifier: MIT */
/* release.h - the version of all programs of this tree. */
#ifndef COMMON_RELEASE_H
#define COMMON_RELEASE_H

#define SLUICE_VERSION "0.1"

#endif
