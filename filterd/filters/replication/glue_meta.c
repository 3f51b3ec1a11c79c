/* SPDX-License-Identifier: MIT */
/*
 * glue_meta.c - what travels with the data: the LUKS2 header of a volume that is replicated as
 * ciphertext.
 *
 * Each second a helper looks whether a header beside a primary's volume has changed (a format, a
 * rekey of the slots) and reads it; it goes to the peer as a META record, which the session sends
 * until it is acknowledged. There it takes the place of the peer's own header and its backup, and
 * the peer's encryption filter is told: it is locked until it gets the key, which this side never
 * sends. A secondary takes what differs from what it has, whatever its version: a rejoining side
 * may have had newer ones that nobody knows of. A primary takes none.
 *
 * Where encryption stands below replication each side has a header of its own, and none travels.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "glue.h"
#include "session.h"
#include "sluice/crc32c.h"

#define LOOK_NS        1000000000ull
#define PATH_BYTES     512u
#define HEADER_MAX     (16u << 20)
#define HEADER_VERSION 1u

/* A header is longer than a frame: it goes in parts, keys "luks0", "luks1"..., each with this in
 * front. Header areas that are not in use are random bytes, so nothing of it can be left out. */
struct luks_part {
	uint32_t version;
	uint32_t part;
	uint32_t parts;
	uint32_t file_crc32c; /* of the whole */
	uint64_t file_bytes;
	uint64_t header_version; /* the sender's; the same in all parts */
};

#define PART_BYTES ((1u << 20) - 4096u)
#define PARTS_MAX  16u

/* Durable per member, on both sides: the header that is there. */
struct version_record {
	uint64_t version;
	uint32_t crc32c;
	uint32_t size_bytes;
};

/* Durable on a secondary: what has come of the next one, in the file beside. */
struct parts_record {
	uint64_t header_version;
	uint32_t file_crc32c;
	uint32_t have; /* bits */
};

struct stamp {
	struct timespec changed;
	uint64_t inode, size_bytes;
};

struct glue_meta {
	struct glue_group *gg; /* NULL: ended while the helper looked */
	struct sluice_timer timer;
	struct sluice_work work;
	bool is_looking;
	uint32_t members;
	char paths[REPL_MEMBERS_MAX][PATH_BYTES]; /* empty: none travels */
	struct stamp stamps[REPL_MEMBERS_MAX];
	/* what the helper found */
	uint32_t member;
	uint8_t *file; /* NULL: nothing new */
	size_t file_bytes;
};

int glue_meta_check(struct sluice_filter *f, struct sluice_error *err)
{
	char path[PATH_BYTES];

	if (sluice_filter_place(f, SLUICE_CLASS_ENCRYPTION) > 0) {
		snprintf(
		    err->text, sizeof(err->text),
		    "the volume is encrypted below its replication, whose journal would hold "
		    "it in clear; let the encryption stand above (allow_filters_before=false)");
		return -EINVAL;
	}
	if (sluice_filter_place(f, SLUICE_CLASS_ENCRYPTION) == 0 ||
	    sluice_sidecar_path(f, "reencrypt", path, sizeof(path)) < 0 || access(path, F_OK) < 0)
		return 0;
	snprintf(err->text, sizeof(err->text),
		 "what the volume is encrypted with is being changed; replicate it when that has "
		 "ended");
	return -EBUSY;
}

/* ---------------------------------------------------------------- helper */

/* NULL: not this time. The caller frees it. */
static uint8_t *read_header(const char *path, uint64_t size_bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	uint8_t *p = fd < 0 ? NULL : malloc(size_bytes);
	ssize_t n = p ? pread(fd, p, size_bytes, 0) : -1;

	if (fd >= 0)
		close(fd);
	if (n == (ssize_t)size_bytes)
		return p;
	free(p);
	return NULL;
}

static void look(struct sluice_work *w)
{
	struct glue_meta *m = w->ctx;

	for (m->member = 0; m->member < m->members; m->member++) {
		struct stamp now = {{0, 0}, 0, 0};
		struct stat st;

		if (!m->paths[m->member][0] || stat(m->paths[m->member], &st) < 0)
			continue;
		now.changed = st.st_ctim;
		now.inode = st.st_ino;
		now.size_bytes = (uint64_t)st.st_size;
		if (memcmp(&now, &m->stamps[m->member], sizeof(now)) == 0 || st.st_size == 0 ||
		    st.st_size > HEADER_MAX)
			continue;
		m->file = read_header(m->paths[m->member], now.size_bytes);
		m->file_bytes = now.size_bytes;
		if (m->file) {
			m->stamps[m->member] = now;
			return;
		}
	}
}

/* ---------------------------------------------------------------- primary */

static struct version_record version_of(struct glue_group *gg, uint32_t member)
{
	struct version_record v = {0, 0, 0};
	size_t bytes = 0;
	char name[40];

	snprintf(name, sizeof(name), "luks%u", member);
	if (sluice_store_get(gg->f, name, &v, sizeof(v), &bytes) < 0 || bytes != sizeof(v))
		memset(&v, 0, sizeof(v));
	return v;
}

static int version_put(struct glue_group *gg, uint32_t member, const struct version_record *v)
{
	char name[40];

	snprintf(name, sizeof(name), "luks%u", member);
	return sluice_store_put(gg->f, name, v, sizeof(*v));
}

static int send_part(struct glue_group *gg, uint32_t member, const struct luks_part *head,
		     const uint8_t *file)
{
	uint64_t at = (uint64_t)head->part * PART_BYTES, left = head->file_bytes - at;
	size_t bytes = left < PART_BYTES ? left : PART_BYTES;
	uint8_t *copy = malloc(sizeof(*head) + bytes);
	char key[16];
	int rc;

	if (!copy)
		return -ENOMEM;
	memcpy(copy, head, sizeof(*head));
	memcpy(copy + sizeof(*head), file + at, bytes);
	snprintf(key, sizeof(key), "luks%u", head->part);
	rc = session_meta_put(group_session(gg->g), (uint16_t)member, key, head->header_version,
			      copy, sizeof(*head) + bytes);
	free(copy);
	return rc;
}

/* Unchanged content keeps its version: then the peer has it already, and says so at once. */
static int publish(struct glue_group *gg, uint32_t member, const uint8_t *file, size_t bytes)
{
	struct version_record v = version_of(gg, member);
	struct luks_part head = {.version = HEADER_VERSION,
				 .parts = (uint32_t)((bytes + PART_BYTES - 1) / PART_BYTES),
				 .file_crc32c = sluice_crc32c(0, file, bytes),
				 .file_bytes = bytes};
	int rc = 0;

	if (v.version == 0 || v.crc32c != head.file_crc32c || v.size_bytes != bytes) {
		v.version++;
		v.crc32c = head.file_crc32c;
		v.size_bytes = (uint32_t)bytes;
		rc = version_put(gg, member, &v);
	}
	head.header_version = v.version;
	for (; rc == 0 && head.part < head.parts; head.part++)
		rc = send_part(gg, member, &head, file);
	return rc;
}

static void looked(struct sluice_work *w)
{
	struct glue_meta *m = w->ctx;
	struct glue_group *gg = m->gg;
	bool is_new = m->file != NULL;

	m->is_looking = false;
	if (!gg) {
		free(m->file);
		free(m);
		return;
	}
	if (is_new &&
	    (!node_is_primary(group_node(gg->g)) || publish(gg, m->member, m->file, m->file_bytes)))
		memset(&m->stamps[m->member], 0, sizeof(m->stamps[0])); /* again, later */
	free(m->file);
	m->file = NULL;
	sluice_group_timer_set(gg->set, &m->timer,
			       sluice_group_now_ns(gg->set) + (is_new ? LOOK_NS / 10 : LOOK_NS));
}

static void begin_look(struct glue_meta *m)
{
	m->is_looking = true;
	m->work.run = look;
	m->work.done = looked;
	m->work.ctx = m;
	sluice_work_submit(m->gg->f, &m->work);
}

/* Filters come and go: who stands above is asked each time. */
static bool find_places(struct glue_meta *m)
{
	struct glue_group *gg = m->gg;
	bool has_any = false;

	for (uint32_t i = 0; i < m->members; i++) {
		const struct glue_volume *v = gg->members[i];

		m->paths[i][0] = '\0';
		if (v && sluice_filter_place(v->f, SLUICE_CLASS_ENCRYPTION) < 0 &&
		    sluice_sidecar_path(v->f, "luks", m->paths[i], PATH_BYTES) == 0)
			has_any = true;
	}
	return has_any;
}

static void look_again(struct sluice_timer *t)
{
	struct glue_meta *m = t->ctx;

	if (node_is_primary(group_node(m->gg->g)) && find_places(m))
		begin_look(m);
	else
		sluice_group_timer_set(m->gg->set, t, sluice_group_now_ns(m->gg->set) + LOOK_NS);
}

/* Without memory no header travels; the data's own headers stay as they are. */
void glue_meta_begin(struct glue_group *gg)
{
	struct glue_meta *m = calloc(1, sizeof(*m));

	if (!m) {
		sluice_report(gg->f, "replication_no_memory", "no memory to send LUKS2 headers");
		return;
	}
	m->gg = gg;
	m->members = gg->host.member_count;
	m->timer.fn = look_again;
	m->timer.ctx = m;
	gg->meta = m;
	look_again(&m->timer);
}

void glue_meta_end(struct glue_group *gg)
{
	struct glue_meta *m = gg->meta;

	gg->meta = NULL;
	if (!m)
		return;
	sluice_group_timer_cancel(gg->set, &m->timer);
	m->gg = NULL;
	if (!m->is_looking)
		free(m);
}

/* ---------------------------------------------------------------- secondary */

static int sync_folder(const char *path)
{
	char copy[PATH_BYTES];
	int fd, rc;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rc = fd < 0 || fsync(fd) < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	return rc;
}

/* The header's file and those beside it. */
struct places {
	char header[PATH_BYTES], backup[PATH_BYTES], beside[PATH_BYTES];
};

static int places_of(struct sluice_filter *f, struct places *p)
{
	return sluice_sidecar_path(f, "luks", p->header, PATH_BYTES) < 0 ||
		       sluice_sidecar_path(f, "luksbackup", p->backup, PATH_BYTES) < 0 ||
		       sluice_sidecar_path(f, "lukspeer", p->beside, PATH_BYTES) < 0
		   ? -ENAMETOOLONG
		   : 0;
}

static int write_at(const char *path, uint64_t offset_bytes, const uint8_t *data, size_t bytes)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int rc = 0;

	if (fd < 0)
		return -errno;
	if (pwrite(fd, data, bytes, (off_t)offset_bytes) != (ssize_t)bytes || fsync(fd) < 0)
		rc = errno ? -errno : -EIO;
	close(fd);
	return rc ? rc : sync_folder(path);
}

/* Each of the two is whole at every moment. */
static int install(const struct places *p, const uint8_t *file, size_t bytes)
{
	int rc = rename(p->beside, p->header) < 0 ? -errno : sync_folder(p->header);

	if (rc == 0)
		rc = write_at(p->beside, 0, file, bytes);
	if (rc == 0)
		rc = rename(p->beside, p->backup) < 0 ? -errno : sync_folder(p->backup);
	return rc;
}

/* All parts are there. */
static int take_header(struct glue_group *gg, uint16_t member, const struct places *p,
		       const struct luks_part *head)
{
	const struct version_record v = {head->header_version, head->file_crc32c,
					 (uint32_t)head->file_bytes};
	uint8_t *file = truncate(p->beside, (off_t)head->file_bytes) < 0
			    ? NULL
			    : read_header(p->beside, head->file_bytes);
	int rc = -EIO;

	if (file && memcmp(file, "LUKS\xba\xbe\0\2", 8) == 0 &&
	    sluice_crc32c(0, file, head->file_bytes) == head->file_crc32c)
		rc = install(p, file, head->file_bytes);
	free(file);
	if (rc == 0)
		rc = version_put(gg, member, &v);
	if (rc == 0)
		sluice_key_changed(gg->members[member]->f);
	return rc;
}

static int take_part(struct glue_group *gg, uint16_t member, const struct luks_part *head,
		     const uint8_t *data, size_t bytes)
{
	uint32_t all = (1u << head->parts) - 1;
	struct parts_record r = {0, 0, 0};
	struct places p;
	size_t size = 0;
	char name[40];
	int rc = places_of(gg->members[member]->f, &p);

	snprintf(name, sizeof(name), "luksparts%u", member);
	if (sluice_store_get(gg->f, name, &r, sizeof(r), &size) < 0 || size != sizeof(r) ||
	    r.header_version != head->header_version || r.file_crc32c != head->file_crc32c ||
	    r.have == all)
		r = (struct parts_record){head->header_version, head->file_crc32c, 0};
	if (rc == 0)
		rc = write_at(p.beside, (uint64_t)head->part * PART_BYTES, data, bytes);
	r.have |= 1u << head->part;
	if (rc == 0)
		rc = sluice_store_put(gg->f, name, &r, sizeof(r));
	return rc == 0 && r.have == all ? take_header(gg, member, &p, head) : rc;
}

static int take_luks(struct glue_group *gg, uint16_t member, const uint8_t *data, size_t bytes)
{
	struct version_record v = version_of(gg, member);
	struct luks_part head;
	uint64_t at;

	if (bytes <= sizeof(head))
		return -EINVAL;
	memcpy(&head, data, sizeof(head));
	bytes -= sizeof(head);
	at = (uint64_t)head.part * PART_BYTES;
	if (head.version != HEADER_VERSION || head.parts > PARTS_MAX || head.part >= head.parts ||
	    head.file_bytes > (uint64_t)head.parts * PART_BYTES || at >= head.file_bytes ||
	    bytes != (head.file_bytes - at < PART_BYTES ? head.file_bytes - at : PART_BYTES))
		return -EINVAL;
	if (v.version && v.crc32c == head.file_crc32c && v.size_bytes == head.file_bytes)
		return 0;
	if (!gg->members[member] ||
	    sluice_filter_place(gg->members[member]->f, SLUICE_CLASS_ENCRYPTION) >= 0) {
		sluice_report(gg->f, "replication_header_refused",
			      "the peer's volume is encrypted above its replication, and this one "
			      "(member %u) is not: give it the same policy",
			      member);
		return -EINVAL;
	}
	return take_part(gg, member, &head, data + sizeof(head), bytes);
}

int glue_meta_received(struct glue_group *gg, uint16_t member, const char *key, uint64_t version,
		       const void *data, size_t size_bytes)
{
	char name[40];

	if (!gg->f || !gg->g || node_is_primary(group_node(gg->g)))
		return -EAGAIN;
	if (strncmp(key, "luks", 4) == 0)
		return take_luks(gg, member, data, size_bytes);
	snprintf(name, sizeof(name), "m%u_%.24s", member, key);
	return sluice_store_put(gg->f, name, data, size_bytes);
}
