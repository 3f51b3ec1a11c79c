/* SPDX-License-Identifier: MIT */
/* rest_record.c - events and tasks that a request brings about. */
#include <stdarg.h>
#include <stdio.h>

#include "rest.h"
#include "store_link.h"

int rest_event(struct request *q, const char *severity, const char *kind, const char *object_type,
	       const char *object_name, struct err *err, const char *fmt, ...)
{
	char text[400];
	va_list ap;
	int64_t id;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	id = store_event_add(q->store, severity, kind, object_type, object_name, text, NULL, err);
	return id < 0 ? (int)id : 0;
}

int rest_task(struct request *q, struct reply *r, const char *kind, const char *object_type,
	      const char *object_name, bool is_cancellable, const json_t *parameters,
	      struct err *err)
{
	int64_t id;

	if (q->is_part)
		return 0;
	id = store_task_add(q->store, kind, object_type, object_name, is_cancellable, parameters,
			    q->actor.name, err);
	if (id < 0)
		return (int)id;
	r->task_id = id;
	return 0;
}
