/* SPDX-License-Identifier: MIT */
/*
 * redirect.h - the plain HTTP port: says where HTTPS is, and nothing else. Thread: main.
 */
#ifndef GATEWAY_REDIRECT_H
#define GATEWAY_REDIRECT_H

#include <microhttpd.h>

/* cls: struct gateway. Its context is what redirect_first_line() returned. */
void *redirect_first_line(void *cls, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result redirect_handle(void *cls, struct MHD_Connection *mhd, const char *url,
				const char *method, const char *version, const char *data,
				size_t *size, void **context);
void redirect_completed(void *cls, struct MHD_Connection *mhd, void **context,
			enum MHD_RequestTerminationCode why);

#endif
