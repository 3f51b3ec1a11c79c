/* SPDX-License-Identifier: MIT */
/* version.h - the version of all programs of this tree. */
#ifndef COMMON_VERSION_H
#define COMMON_VERSION_H

#define SLUICE_VERSION "0.1"

#endif
