/* SPDX-License-Identifier: MIT */
#include "ctl_frame.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void ctl_reader_init(struct ctl_reader *r)
{
	memset(r, 0, sizeof(*r));
}

void ctl_reader_fini(struct ctl_reader *r)
{
	free(r->body);
	r->body = NULL;
}

static int check_header(const struct ctl_header *h, struct err *err)
{
	if (h->magic != CTL_MAGIC)
		return err_set(err, EPROTO, "magic",
			       "this is not the control protocol (magic 0x%08x)", h->magic);
	if (h->version < CTL_VERSION_OLDEST || h->version > CTL_VERSION)
		return err_set(err, EPROTO, "version",
			       "control protocol version %u; %u to %u are spoken here", h->version,
			       CTL_VERSION_OLDEST, CTL_VERSION);
	if (h->type < CTL_REQUEST || h->type > CTL_ERROR)
		return err_set(err, EPROTO, "type", "frame type %u is unknown", h->type);
	if (h->body_bytes == 0 || h->body_bytes > CTL_BODY_MAX)
		return err_set(err, EPROTO, "body_bytes", "a body of %u bytes; 1 to %u are allowed",
			       h->body_bytes, CTL_BODY_MAX);
	return 0;
}

static size_t take(void *to, size_t have, size_t want, const char **p, size_t *len)
{
	size_t n = want - have < *len ? want - have : *len;

	memcpy((char *)to + have, *p, n);
	*p += n;
	*len -= n;
	return n;
}

int ctl_reader_next(struct ctl_reader *r, const char **p, size_t *len, struct err *err)
{
	int rc;

	if (r->body && r->body_len == r->header.body_bytes) { /* the last call's frame is over */
		ctl_reader_fini(r);
		ctl_reader_init(r);
	}
	if (r->header_len < sizeof(r->header)) {
		r->header_len += take(&r->header, r->header_len, sizeof(r->header), p, len);
		if (r->header_len < sizeof(r->header))
			return 0;
		rc = check_header(&r->header, err);
		if (rc)
			return rc;
		r->body = malloc((size_t)r->header.body_bytes + 1);
		if (!r->body)
			return err_set(err, ENOMEM, "", "no memory for a frame of %u bytes",
				       r->header.body_bytes);
	}
	r->body_len += take(r->body, r->body_len, r->header.body_bytes, p, len);
	if (r->body_len < r->header.body_bytes)
		return 0;
	r->body[r->body_len] = '\0';
	return 1;
}

bool ctl_reader_is_inside(const struct ctl_reader *r)
{
	return r->header_len > 0 && !(r->body && r->body_len == r->header.body_bytes);
}

char *ctl_frame_make(enum ctl_type type, uint32_t request_id, const char *body, size_t *frame_len)
{
	size_t body_len = strlen(body);
	struct ctl_header h = {.magic = CTL_MAGIC,
			       .version = CTL_VERSION,
			       .type = (uint16_t)type,
			       .request_id = request_id,
			       .body_bytes = (uint32_t)body_len};
	char *frame;

	assert(body_len > 0 && body_len <= CTL_BODY_MAX);
	frame = malloc(sizeof(h) + body_len);
	if (!frame)
		return NULL;
	memcpy(frame, &h, sizeof(h));
	memcpy(frame + sizeof(h), body, body_len);
	*frame_len = sizeof(h) + body_len;
	return frame;
}

const char *ctl_errno_name(int code)
{
	const char *name = code > 0 ? strerrorname_np(code) : NULL;

	return name ? name : "EIO";
}
