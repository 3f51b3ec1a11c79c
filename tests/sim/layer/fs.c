/* SPDX-License-Identifier: MIT */
#include "fs.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

#define STEP_NS 20000u

static struct fs *fs_of(struct env *e)
{
	return (struct fs *)e;
}

static void call(struct fs *s)
{
	s->calls++;
	if (s->dies_in && --s->dies_in == 0)
		longjmp(s->death, 1);
}

static bool fails(struct fs *s)
{
	bool is_so = s->fail_per_10000 && rng_below(s->rng, 10000) < s->fail_per_10000;

	s->has_failed |= is_so;
	return is_so;
}

static struct fs_file *find(const struct fs *s, const char *name)
{
	for (uint32_t i = 0; i < FS_FILES; i++)
		if (s->files[i].exists && strcmp(s->files[i].name, name) == 0)
			return (struct fs_file *)&s->files[i];
	return NULL;
}

bool fs_exists(const struct fs *s, const char *name)
{
	return find(s, name) != NULL;
}

bool fs_lose(struct fs *s, const char *name)
{
	struct fs_file *f = find(s, name);

	if (f)
		f->exists = f->is_doubtful = false;
	return f != NULL;
}

static struct fs_file *place_free(struct fs *s)
{
	/* One that is doubtful still, if need be: then it did go. */
	for (uint32_t doubtful = 0; doubtful < 2; doubtful++)
		for (uint32_t i = 0; i < FS_FILES; i++) {
			struct fs_file *f = &s->files[i];

			if (!f->exists && f->opens == 0 && f->is_doubtful == doubtful)
				return f;
		}
	assert(!"too many files");
	return NULL;
}

static struct fs_file *make(struct fs *s, const char *name, uint32_t size)
{
	struct fs_file *f = place_free(s);

	assert(size <= FS_FILE_BYTES && strlen(name) < sizeof(f->name));
	memcpy(f->name, name, strlen(name) + 1);
	f->exists = true;
	f->is_text = f->is_locked = f->is_doubtful = false;
	f->size = f->stable_size = size;
	f->pending_count = f->data_used = 0;
	f->written = f->flushed = 0;
	memset(f->cache, 0, FS_FILE_BYTES);
	memset(f->stable, 0, FS_FILE_BYTES);
	return f;
}

/* ---------------------------------------------------------------- writes */

static void settle_first(struct fs_file *f, uint64_t mask)
{
	const struct fs_write *w = &f->pending[0];

	for (uint32_t at = 0; at < w->len_bytes; at += FS_SECTOR) {
		if (mask & 1)
			memcpy(f->stable + w->offset_bytes + at, f->data + w->data_at + at,
			       FS_SECTOR);
		mask = rng_rotl(mask, 63);
	}
	memmove(&f->pending[0], &f->pending[1], --f->pending_count * sizeof(*w));
	f->flushed++;
	if (f->pending_count == 0)
		f->data_used = 0;
}

static void file_write(struct fs_file *f, uint64_t offset, const uint8_t *buf, uint64_t len)
{
	struct fs_write *w;

	assert(offset + len <= f->size && offset % FS_SECTOR == 0 && len % FS_SECTOR == 0);
	while (f->pending_count == FS_PENDING ||
	       (f->pending_count > 0 && f->data_used + len > FS_DATA_BYTES))
		settle_first(f, UINT64_MAX);
	w = &f->pending[f->pending_count++];
	*w = (struct fs_write){(uint32_t)offset, (uint32_t)len, f->data_used};
	if (buf)
		memcpy(f->data + w->data_at, buf, len);
	else
		memset(f->data + w->data_at, 0, len);
	memcpy(f->cache + offset, f->data + w->data_at, len);
	f->data_used += (uint32_t)len;
	f->written++;
}

static void write_torn(struct fs *s, struct fs_file *f, const struct env_io *io)
{
	uint64_t mask = rng_u64(s->rng);

	for (uint64_t at = 0; at < io->len_bytes; at += FS_SECTOR) {
		if (mask & 1)
			file_write(f, io->offset_bytes + at,
				   io->op == ENV_IO_WRITE ? (uint8_t *)io->buf + at : NULL,
				   FS_SECTOR);
		mask = rng_rotl(mask, 63);
	}
}

static bool is_data_write(const struct env_io *io)
{
	return io->op == ENV_IO_WRITE || io->op == ENV_IO_PUNCH || io->op == ENV_IO_ZERO;
}

static void extent(const struct fs_file *f, struct env_io *io)
{
	static const uint8_t zeros[FS_SECTOR];
	uint64_t at = io->offset_bytes, end = at + io->len_bytes;

	io->result_is_hole = memcmp(f->cache + at, zeros, FS_SECTOR) == 0;
	while (at < end && (memcmp(f->cache + at, zeros, FS_SECTOR) == 0) == io->result_is_hole)
		at += FS_SECTOR;
	io->result_extent_bytes = (at < end ? at : end) - io->offset_bytes;
}

static void carry_out(struct fs *s, struct fs_flight *t)
{
	struct env_io *io = t->io;
	struct fs_file *f = t->f;

	io->result = 0;
	if (fails(s)) {
		if (is_data_write(io) && io->offset_bytes + io->len_bytes <= f->size)
			write_torn(s, f, io);
		io->result = is_data_write(io) && rng_pct(s->rng, 50) ? -ENOSPC : -EIO;
	} else if (io->op == ENV_IO_READ) {
		assert(io->offset_bytes + io->len_bytes <= f->size);
		memcpy(io->buf, f->cache + io->offset_bytes, io->len_bytes);
	} else if (is_data_write(io)) {
		file_write(f, io->offset_bytes, io->op == ENV_IO_WRITE ? io->buf : NULL,
			   io->len_bytes);
	} else if (io->op == ENV_IO_SYNC) {
		while (f->flushed < t->mark)
			settle_first(f, UINT64_MAX);
		f->stable_size = f->size;
	} else if (io->op == ENV_IO_EXTENT) {
		extent(f, io);
	} else if (io->op == ENV_IO_RESIZE) {
		assert(io->offset_bytes <= FS_FILE_BYTES && io->offset_bytes >= f->size);
		f->size = (uint32_t)io->offset_bytes;
		io->file->size_bytes = f->size;
	}
	io->done(io);
}

/* ---------------------------------------------------------------- files */

static struct fs_handle *handle_free(struct fs *s)
{
	for (uint32_t i = 0; i < FS_HANDLES; i++)
		if (!s->handles[i].f)
			return &s->handles[i];
	assert(!"too many open files");
	return NULL;
}

static int op_file_open(struct env *e, const struct env_open *how, struct env_file **out,
			struct err *err)
{
	struct fs *s = fs_of(e);
	struct fs_file *f = find(s, how->path);
	struct fs_handle *h;

	call(s);
	if (fails(s))
		return err_set(err, how->flags & ENV_OPEN_CREATE ? ENOSPC : EIO, "path",
			       "cannot open %s", how->path);
	if (how->flags & ENV_OPEN_CREATE) {
		if (f)
			return err_set(err, EEXIST, "path", "%s exists", how->path);
		f = make(s, how->path, 0);
		call(s); /* it has a name, and no bytes yet */
		f->size = f->stable_size = (uint32_t)how->size_bytes;
	}
	if (!f || f->is_text)
		return err_set(err, ENOENT, "path", "%s does not exist", how->path);
	if ((how->flags & ENV_OPEN_LOCK) && f->is_locked)
		return err_set(err, EAGAIN, "path", "%s is locked", how->path);
	h = handle_free(s);
	h->f = f;
	h->has_lock = (how->flags & ENV_OPEN_LOCK) != 0;
	f->is_locked |= h->has_lock;
	f->opens++;
	h->file =
	    (struct env_file){.size_bytes = f->size,
			      .align_bytes = how->flags & ENV_OPEN_DIRECT ? s->align_bytes : 1};
	*out = &h->file;
	call(s);
	return 0;
}

static void op_file_close(struct env *e, struct env_file *file)
{
	struct fs_handle *h = (struct fs_handle *)file;

	for (uint32_t i = 0; i < fs_of(e)->flight_count; i++)
		assert(fs_of(e)->flights[i].io->file != file);
	if (h->has_lock)
		h->f->is_locked = false;
	h->f->opens--;
	h->f = NULL;
}

static int op_text_read(struct env *e, const char *path, uint64_t max_bytes, char **out,
			size_t *size_bytes, struct err *err)
{
	struct fs_file *f = find(fs_of(e), path);

	if (!f)
		return err_set(err, ENOENT, "path", "%s does not exist", path);
	*out = malloc(f->size + 1u);
	memcpy(*out, f->cache, f->size);
	(*out)[f->size] = '\0';
	*size_bytes = f->size;
	return 0;
}

static int op_text_write(struct env *e, const char *path, const void *data, size_t size_bytes,
			 struct err *err)
{
	struct fs *s = fs_of(e);
	struct fs_file *f;
	bool has_failed = fails(s);

	call(s);
	if (has_failed && rng_pct(s->rng, 70))
		return err_set(err, ENOSPC, "path", "no space for %s", path);
	f = find(s, path);
	if (!f)
		f = make(s, path, 0);
	assert(size_bytes <= FS_FILE_BYTES);
	f->is_text = true;
	f->size = f->stable_size = (uint32_t)size_bytes;
	memcpy(f->cache, data, size_bytes);
	memcpy(f->stable, data, size_bytes);
	call(s);
	for (uint32_t i = 0; i < FS_FILES && !has_failed && !strchr(path, '/'); i++)
		s->files[i].is_doubtful &= s->files[i].exists; /* the folder is flushed */
	/* Renamed, but the folder could not be flushed. */
	return has_failed ? err_set(err, EIO, "path", "cannot flush the folder of %s", path) : 0;
}

static int op_file_remove(struct env *e, const char *path, struct err *err)
{
	struct fs *s = fs_of(e);
	struct fs_file *f = find(s, path);

	call(s);
	if (!f)
		return err_set(err, ENOENT, "path", "%s does not exist", path);
	f->exists = false;
	f->is_doubtful = !f->is_text;
	call(s);
	return 0;
}

/* ---------------------------------------------------------------- the rest of the table */

static void op_io_submit(struct env *e, struct env_io *io)
{
	struct fs *s = fs_of(e);
	struct fs_file *f = ((struct fs_handle *)io->file)->f;

	call(s);
	assert(s->flight_count < FS_FLIGHTS && f);
	s->flights[s->flight_count++] = (struct fs_flight){io, f, f->written};
}

static uint64_t op_now(struct env *e)
{
	return fs_of(e)->now_ns;
}

static uint64_t op_random(struct env *e)
{
	return rng_u64(fs_of(e)->rng);
}

static void op_timer_set(struct env *e, struct env_timer *t, uint64_t deadline_ns)
{
	timer_heap_set(&fs_of(e)->timers, t, deadline_ns);
}

static void op_timer_cancel(struct env *e, struct env_timer *t)
{
	timer_heap_cancel(&fs_of(e)->timers, t);
}

static void op_work_submit(struct env *e, struct env_work *w)
{
	list_push_back(&fs_of(e)->works, &w->node);
}

static void op_post(struct env *e, struct env_msg *m)
{
	struct fs *s = fs_of(e);

	m->next = NULL;
	*s->last_msg = m;
	s->last_msg = &m->next;
}

static const struct env_ops ops = {
    .now_ns = op_now,
    .now_exact_ns = op_now,
    .random_u64 = op_random,
    .timer_set = op_timer_set,
    .timer_cancel = op_timer_cancel,
    .file_open = op_file_open,
    .file_close = op_file_close,
    .text_read = op_text_read,
    .text_write = op_text_write,
    .file_remove = op_file_remove,
    .io_submit = op_io_submit,
    .work_submit = op_work_submit,
    .post = op_post,
};

/* ---------------------------------------------------------------- steps */

static void deliver(struct fs *s)
{
	struct env_msg *m;

	while ((m = s->first_msg)) {
		s->first_msg = m->next;
		if (!s->first_msg)
			s->last_msg = &s->first_msg;
		m->fn(m);
	}
}

static void end_one(struct fs *s)
{
	uint32_t i = (uint32_t)rng_below(s->rng, s->flight_count);
	struct fs_flight t = s->flights[i];

	memmove(&s->flights[i], &s->flights[i + 1], (--s->flight_count - i) * sizeof(t));
	carry_out(s, &t);
}

static bool work_step(struct fs *s)
{
	struct list_node *n = list_pop_front(&s->works_done);
	struct env_work *w;

	if (n) {
		w = list_entry(n, struct env_work, node);
		w->done(w);
		return true;
	}
	n = list_pop_front(&s->works);
	if (!n)
		return false;
	w = list_entry(n, struct env_work, node);
	w->run(w);
	list_push_back(&s->works_done, &w->node);
	return true;
}

bool fs_step(struct fs *s)
{
	struct env_timer *t;
	uint64_t next_ns;

	call(s);
	s->now_ns += STEP_NS;
	if (s->first_msg && rng_pct(s->rng, 60)) {
		deliver(s);
		return true;
	}
	if (rng_pct(s->rng, 30) && work_step(s))
		return true;
	if (s->flight_count > 0) {
		end_one(s);
		return true;
	}
	if (s->first_msg) {
		deliver(s);
		return true;
	}
	if (work_step(s))
		return true;
	next_ns = timer_heap_next_ns(&s->timers);
	if (next_ns == UINT64_MAX)
		return false;
	if (next_ns > s->now_ns)
		s->now_ns = next_ns;
	while ((t = timer_heap_pop_due(&s->timers, s->now_ns)) != NULL)
		t->fn(t);
	return true;
}

/* ---------------------------------------------------------------- life */

void fs_init(struct fs *s, struct rng *r)
{
	s->env.ops = &ops;
	s->rng = r;
	s->now_ns = 1000000;
	s->fail_per_10000 = 0;
	memset(s->handles, 0, sizeof(s->handles));
	s->align_bytes = rng_pct(r, 50) ? 512 : 4096;
	for (uint32_t i = 0; i < FS_FILES; i++) {
		s->files[i].exists = s->files[i].is_doubtful = false;
		s->files[i].opens = 0;
	}
}

void fs_begin(struct fs *s)
{
	memory_begin();
	memory_on(false);
	timer_heap_init(&s->timers);
	list_init(&s->works);
	list_init(&s->works_done);
	s->first_msg = NULL;
	s->last_msg = &s->first_msg;
	s->flight_count = 0;
	s->calls = 0;
	s->has_failed = false;
}

void fs_kill(struct fs *s)
{
	for (uint32_t i = 0; i < s->flight_count; i++)
		if (is_data_write(s->flights[i].io) &&
		    s->flights[i].io->offset_bytes + s->flights[i].io->len_bytes <=
			s->flights[i].f->size)
			write_torn(s, s->flights[i].f, s->flights[i].io);
	s->flight_count = 0;
	memset(s->handles, 0, sizeof(s->handles));
	for (uint32_t i = 0; i < FS_FILES; i++) {
		s->files[i].opens = 0;
		s->files[i].is_locked = false;
		if (!s->files[i].exists && s->files[i].is_doubtful &&
		    s->files[i].pending_count > 64)
			s->files[i].is_doubtful = false;
	}
}

void fs_power_cut(struct fs *s)
{
	uint32_t style = (uint32_t)rng_below(s->rng, 4);

	for (uint32_t i = 0; i < FS_FILES; i++) {
		struct fs_file *f = &s->files[i];

		if (f->is_doubtful && !f->exists && rng_pct(s->rng, 30) && !find(s, f->name))
			f->exists = true;
		f->is_doubtful = false;
		if (!f->exists || f->is_text)
			continue;
		if (rng_pct(s->rng, 50) || style == 1)
			f->stable_size = f->size;
		while (f->pending_count > 0)
			settle_first(f, style == 0 ? 0 : style == 1 ? UINT64_MAX : rng_u64(s->rng));
		f->size = f->stable_size;
		memcpy(f->cache, f->stable, f->size);
		memset(f->cache + f->size, 0, FS_FILE_BYTES - f->size);
		memset(f->stable + f->size, 0, FS_FILE_BYTES - f->size);
	}
}
