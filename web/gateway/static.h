/* SPDX-License-Identifier: MIT */
/*
 * static.h - the console's files: read once at start, served from memory.
 *
 * A request's path is looked up among the names found then and never reaches the file system, so
 * there is no spelling of a path that could leave the folder.
 *
 * Thread: main.
 */
#ifndef GATEWAY_STATIC_H
#define GATEWAY_STATIC_H

#include <microhttpd.h>

#include "err.h"

#define STATIC_FILES_MAX 2000u
#define STATIC_BYTES_MAX (64u << 20)

struct static_index;

/* Beside "app.js" may lie "app.js.gz": who takes gzip gets that one. It has no address of its own.
 */

/* Names with other characters than [A-Za-z0-9._-], hidden files, links and kinds that mime.h does
 * not know are left out, with a line in the log. */
int must_check static_load(const char *dir, struct static_index **out, struct err *err);
void static_free(struct static_index *x);

/* Answers GET and HEAD of uri ("/" means "/index.html"): the file, 304 or 404. */
enum MHD_Result static_answer(const struct static_index *x, struct MHD_Connection *mhd,
			      const char *uri);

#endif
