/* SPDX-License-Identifier: MIT */
#include "static.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"
#include "mime.h"
#include "reply.h"

#define DEPTH_MAX 8

struct file {
	char *name;     /* "/js/app.js" */
	bool is_packed; /* "/js/app.js.gz": stands in for the file without ".gz" */
	char etag[36];
	struct MHD_Response *whole, *unchanged; /* 200 and 304; shared by all requests */
};

struct static_index {
	struct file files[STATIC_FILES_MAX]; /* sorted by name once loaded */
	uint32_t count;
	uint64_t bytes;
};

/* ---------------------------------------------------------------- loading */

static int read_all(int fd, char *data, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = read(fd, data + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		done += (size_t)n;
	}
	return 0;
}

static void etag_make(const char *data, size_t size, char etag[36])
{
	unsigned char digest[32];
	char *p = etag;

	gnutls_hash_fast(GNUTLS_DIG_SHA256, data, size, digest);
	*p++ = '"';
	for (int i = 0; i < 16; i++, p += 2)
		snprintf(p, 3, "%02x", digest[i]);
	snprintf(p, 2, "\"");
}

static bool is_packed_name(const char *name)
{
	size_t len = strlen(name);

	return len > 3 && strcmp(name + len - 3, ".gz") == 0;
}

/* What a file is by its name; NULL: of no kind that is served. */
static const char *kind_of(const char *name)
{
	char bare[256];

	if (!is_packed_name(name))
		return mime_of(name);
	snprintf(bare, sizeof(bare), "%.*s", (int)(strlen(name) - 3), name);
	return mime_of(bare);
}

/* Takes data. */
static int file_make(struct file *f, const char *name, char *data, size_t size)
{
	etag_make(data, size, f->etag);
	f->name = strdup(name);
	f->is_packed = is_packed_name(name);
	f->whole = MHD_create_response_from_buffer(size, data, MHD_RESPMEM_MUST_FREE);
	if (!f->whole)
		free(data);
	f->unchanged = MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
	if (!f->name || !f->whole || !f->unchanged)
		return -ENOMEM;
	MHD_add_response_header(f->whole, "Content-Type", kind_of(name));
	if (f->is_packed)
		MHD_add_response_header(f->whole, "Content-Encoding", "gzip");
	MHD_add_response_header(f->whole, "Vary", "Accept-Encoding");
	MHD_add_response_header(f->unchanged, "Vary", "Accept-Encoding");
	MHD_add_response_header(f->whole, "ETag", f->etag);
	MHD_add_response_header(f->unchanged, "ETag", f->etag);
	reply_harden(f->whole, false);
	reply_harden(f->unchanged, false);
	return 0;
}

static int load_file(struct static_index *x, int fd, const struct stat *st, const char *name,
		     struct err *err)
{
	size_t size = (size_t)st->st_size;
	char *data;
	int rc;

	if (x->count == STATIC_FILES_MAX || x->bytes + size > STATIC_BYTES_MAX)
		return err_set(err, EFBIG, "--static",
			       "the static files are more than %u, or larger than %u MiB",
			       STATIC_FILES_MAX, STATIC_BYTES_MAX >> 20);
	data = malloc(size + 1);
	if (!data)
		return err_set(err, ENOMEM, "--static", "no memory for %s", name);
	rc = read_all(fd, data, size);
	if (rc < 0) {
		free(data);
		return err_set(err, -rc, "--static", "cannot read %s: %s", name, strerror(-rc));
	}
	x->bytes += size;
	if (file_make(&x->files[x->count++], name, data, size) < 0)
		return err_set(err, ENOMEM, "--static", "no memory for %s", name);
	return 0;
}

static bool is_plain_name(const char *name)
{
	return name[0] != '.' &&
	       name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789._-")] == '\0';
}

static int load_folder(struct static_index *x, int fd, const char *prefix, int depth,
		       struct err *err);

static int load_entry(struct static_index *x, int folder_fd, const char *prefix, const char *entry,
		      int depth, struct err *err)
{
	cleanup_fd int fd =
	    openat(folder_fd, entry, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	cleanup_free char *name = NULL;
	struct stat st;

	if (fd < 0 && errno != ELOOP)
		return err_set(err, errno, "--static", "cannot open %s/%s: %s", prefix, entry,
			       strerror(errno));
	if (asprintf(&name, "%s/%s", prefix, entry) < 0)
		return err_set(err, ENOMEM, "--static", "no memory");
	if (fd >= 0 && is_plain_name(entry) && fstat(fd, &st) == 0) {
		if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
			return load_folder(x, take_fd(&fd), name, depth + 1, err);
		if (S_ISREG(st.st_mode) && kind_of(entry))
			return load_file(x, fd, &st, name, err);
	}
	log_warn("static: %s is not served", name);
	return 0;
}

/* Takes fd. */
static int load_folder(struct static_index *x, int fd, const char *prefix, int depth,
		       struct err *err)
{
	DIR *d = fdopendir(fd);
	const struct dirent *e;
	int rc = 0;

	if (!d) {
		close(fd);
		return err_set(err, errno, "--static", "cannot read the folder %s: %s", prefix,
			       strerror(errno));
	}
	while (rc == 0 && (e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			rc = load_entry(x, fd, prefix, e->d_name, depth, err);
	closedir(d);
	return rc;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

int static_load(const char *dir, struct static_index **out, struct err *err)
{
	struct static_index *x = calloc(1, sizeof(*x));
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (fd < 0 || !x) {
		rc = err_set(err, errno, "--static", "cannot open the folder %s: %s", dir,
			     strerror(errno));
		if (fd >= 0)
			close(fd);
		free(x);
		return rc;
	}
	rc = load_folder(x, fd, "", 0, err);
	if (rc < 0) {
		static_free(x);
		return rc;
	}
	qsort(x->files, x->count, sizeof(x->files[0]), by_name);
	*out = x;
	return 0;
}

void static_free(struct static_index *x)
{
	if (!x)
		return;
	for (uint32_t i = 0; i < x->count; i++) {
		free(x->files[i].name);
		if (x->files[i].whole)
			MHD_destroy_response(x->files[i].whole);
		if (x->files[i].unchanged)
			MHD_destroy_response(x->files[i].unchanged);
	}
	free(x);
}

/* ---------------------------------------------------------------- serving */

static const struct file *find(const struct static_index *x, const char *uri, const char *ending)
{
	size_t len = strcspn(uri, "?");
	char name[512];
	struct file key = {.name = name};

	if (len + strlen(ending) >= sizeof(name))
		return NULL;
	if (len == 1)
		snprintf(name, sizeof(name), "/index.html%s", ending);
	else
		snprintf(name, sizeof(name), "%.*s%s", (int)len, uri, ending);
	return bsearch(&key, x->files, x->count, sizeof(x->files[0]), by_name);
}

/* "gzip;q=0" is a refusal; other weights are taken as consent. */
static bool takes_packed(struct MHD_Connection *mhd)
{
	const char *takes = MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, "Accept-Encoding");
	const char *at = takes ? strcasestr(takes, "gzip") : NULL;

	return at && !(strncmp(at + 4, ";q=0", 4) == 0 && at[8] != '.');
}

enum MHD_Result static_answer(const struct static_index *x, struct MHD_Connection *mhd,
			      const char *uri)
{
	const struct file *f = find(x, uri, ""), *packed;
	const char *had;

	if (!f || f->is_packed)
		return reply_problem(mhd, 404, "There is no such page here.", 0);
	packed = takes_packed(mhd) ? find(x, uri, ".gz") : NULL;
	if (packed)
		f = packed;
	had = MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, "If-None-Match");
	if (had && strstr(had, f->etag))
		return MHD_queue_response(mhd, MHD_HTTP_NOT_MODIFIED, f->unchanged);
	return MHD_queue_response(mhd, MHD_HTTP_OK, f->whole);
}
