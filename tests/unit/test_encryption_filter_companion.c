/* SPDX-License-Identifier: MIT */
/*
 * A replica at each moment of a re-encryption: all that the primary's chain writes below the
 * encryption, to the volume and to its companion, is one stream. For each of its prefixes a volume
 * is made of just that, and promoted: it finds its header, goes on with the walk, and every block
 * that was written before is read, before and after the walk's end.
 */
#include "encryption_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sluice/companion.h"

#define ENCRYPTION_PLACE 150u
#define CHUNK            16384u
#define CHUNKS           6u
#define USED             (CHUNKS * CHUNK)
#define STREAM_MAX       512u
#define PARAMS           "reencrypt_zone_bytes=16384,reencrypt_bytes_per_s=1048576,serve_clear=true"

struct entry {
	bool is_companion;
	uint64_t offset_bytes, len_bytes;
	uint8_t *data; /* NULL: zeros */
};

static struct {
	struct entry entries[STREAM_MAX];
	uint32_t count;
	bool is_recording;
} stream;

/* Chunk i reads as made by this seed when the stream is at least so long. */
static struct {
	uint32_t seed, from, until;
} written[2 * CHUNKS];
static uint32_t written_count;

/* ---------------------------------------------------------------- files, as they are */

struct real_file {
	struct env_file file;
	int fd;
};

static int file_open(struct env *e, const struct env_open *how, struct env_file **out,
		     struct err *err)
{
	struct real_file *f;
	int fd = open(how->path, O_RDWR | (how->flags & ENV_OPEN_CREATE ? O_CREAT : 0), 0600);

	if (fd < 0)
		return err_set(err, errno, "path", "no %s", how->path);
	f = calloc(1, sizeof(*f));
	assert_non_null(f);
	if (how->flags & ENV_OPEN_CREATE)
		assert_int_equal(ftruncate(fd, (off_t)how->size_bytes), 0);
	f->fd = fd;
	f->file.size_bytes = (uint64_t)lseek(fd, 0, SEEK_END);
	f->file.align_bytes = 1;
	*out = &f->file;
	return 0;
}

static void file_close(struct env *e, struct env_file *f)
{
	struct real_file *r = (struct real_file *)f;

	close(r->fd);
	free(r);
}

static void file_done(struct env_msg *m)
{
	struct env_io *io = m->ctx;

	io->done(io);
}

static void file_submit(struct env *e, struct env_io *io)
{
	const struct real_file *f = (const struct real_file *)io->file;
	struct env_msg *m = (struct env_msg *)io->env_private;
	ssize_t n = 0;

	_Static_assert(sizeof(*m) <= sizeof(io->env_private), "fits");
	if (io->op == ENV_IO_READ)
		n = pread(f->fd, io->buf, io->len_bytes, (off_t)io->offset_bytes);
	else if (io->op == ENV_IO_WRITE)
		n = pwrite(f->fd, io->buf, io->len_bytes, (off_t)io->offset_bytes);
	io->result = io->op == ENV_IO_SYNC || n == (ssize_t)io->len_bytes ? 0 : -EIO;
	*m = (struct env_msg){.fn = file_done, .ctx = io};
	env_post(e, m);
}

/* ---------------------------------------------------------------- the keeper */

static struct {
	struct sluice_filter *f;
	uint8_t *companion;
	struct sluice_timer timer;
	struct sluice_companion_io *pending;
	enum sluice_companion_role role;
	int write_result; /* not 0: writes fail */
} keeper;

static void record(bool is_companion, uint64_t offset_bytes, uint64_t len_bytes, const void *data)
{
	struct entry *x = &stream.entries[stream.count];

	if (!stream.is_recording)
		return;
	assert_true(++stream.count < STREAM_MAX);
	*x = (struct entry){is_companion, offset_bytes, len_bytes, NULL};
	if (!data)
		return;
	x->data = malloc(len_bytes);
	assert_non_null(x->data);
	memcpy(x->data, data, len_bytes);
}

static void companion_tick(struct sluice_timer *t)
{
	struct sluice_companion_io *io = keeper.pending;
	uint8_t *at = keeper.companion + io->offset_bytes;

	keeper.pending = NULL;
	io->result = 0;
	assert_true(io->offset_bytes + io->len_bytes <= SLUICE_COMPANION_BYTES);
	if (io->op == SLUICE_COMPANION_READ) {
		memcpy(io->buf, at, io->len_bytes);
	} else if (keeper.role != SLUICE_COMPANION_PRIMARY || keeper.write_result) {
		io->result = keeper.write_result ? keeper.write_result : -EBUSY;
	} else {
		memcpy(at, io->buf, io->len_bytes);
		record(true, io->offset_bytes, io->len_bytes, io->buf);
	}
	io->fn(io);
}

static void companion_submit(struct sluice_filter *f, struct sluice_companion_io *io)
{
	assert_null(keeper.pending);
	keeper.pending = io;
	keeper.timer.fn = companion_tick;
	sluice_timer_set(f, &keeper.timer, sluice_now_ns(f));
}

static int keeper_attach(struct sluice_filter *f, const union sluice_value *values,
			 struct sluice_error *err)
{
	keeper.f = f;
	memset(&keeper.timer, 0, sizeof(keeper.timer));
	sluice_companion_keep(f, companion_submit);
	return 0;
}

static void keeper_detach(struct sluice_filter *f)
{
	sluice_timer_cancel(f, &keeper.timer);
}

static enum sluice_verdict keeper_submit(struct sluice_filter *f, struct sluice_io *io)
{
	if (io->op == SLUICE_OP_WRITE)
		record(false, io->offset_bytes, io->len_bytes, io->buf);
	if (io->op == SLUICE_OP_UNMAP || io->op == SLUICE_OP_WRITE_ZEROES)
		record(false, io->offset_bytes, io->len_bytes, NULL);
	return SLUICE_PASS;
}

static const struct sluice_filter_ops keeper_ops = {
    .abi = SLUICE_SDK_ABI,
    .struct_bytes = sizeof(keeper_ops),
    .name = "keeper",
    .version = "1",
    .help = "Keeps a companion.",
    .cls = SLUICE_CLASS_REPLICATION,
    .op_mask = SLUICE_OPS_ALL,
    .attach = keeper_attach,
    .detach = keeper_detach,
    .submit = keeper_submit,
};

/* ---------------------------------------------------------------- records of any size */

static struct {
	char key[33];
	uint8_t value[64];
	size_t bytes;
} records[8];

static uint32_t record_at(const char *key)
{
	uint32_t i = 0;

	while (records[i].key[0] && strcmp(records[i].key, key) != 0)
		assert_true(++i < 8);
	return i;
}

static int store_put(void *ctx, const char *filter, const char *key, const void *data,
		     size_t size_bytes)
{
	uint32_t i = record_at(key);

	assert_true(size_bytes <= sizeof(records[i].value));
	snprintf(records[i].key, sizeof(records[i].key), "%s", key);
	memcpy(records[i].value, data, size_bytes);
	records[i].bytes = size_bytes;
	return 0;
}

static int store_get(void *ctx, const char *filter, const char *key, void *data, size_t room_bytes,
		     size_t *size_bytes)
{
	uint32_t i = record_at(key);

	if (!records[i].key[0])
		return -ENOENT;
	*size_bytes = records[i].bytes;
	if (*size_bytes > room_bytes)
		return -ENOSPC;
	memcpy(data, records[i].value, *size_bytes);
	return 0;
}

/* ---------------------------------------------------------------- sides */

static struct env_ops ops;

static void go(struct rig *r, uint32_t ms)
{
	for (uint32_t i = 0; i < ms; i++) {
		while (fake_env_run_work(&r->fe))
			fake_env_settle(&r->fe);
		fake_env_advance(&r->fe, 1 * MS);
	}
}

static void tell(struct rig *r, enum sluice_companion_role role)
{
	keeper.role = role;
	sluice_companion_tell(keeper.f, role);
	go(r, 200);
}

static void side_open(struct rig *r)
{
	memset(records, 0, sizeof(records));
	rig_open(r, 512, PARAMS);
	ops = *r->fe.env.ops;
	ops.file_open = file_open;
	ops.file_close = file_close;
	ops.io_submit = file_submit;
	r->fe.env.ops = &ops;
	r->host.store_put = store_put;
	r->host.store_get = store_get;
	r->position = ENCRYPTION_PLACE;
	rig_restart(r);
	rig_attach_other(r, &keeper_ops);
}

static void side_close(struct rig *r)
{
	static const char *const suffixes[] = {"luksnext", "luksnextbackup", "luksnextnew",
					       "reencrypt"};

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		rig_remove(r, suffixes[i]);
	rig_close(r);
}

static void write_chunk(struct rig *r, uint32_t chunk, uint32_t seed)
{
	uint32_t from = stream.count;

	for (uint32_t i = 0; i < written_count; i++)
		if (i % CHUNKS == chunk && written[i].until == UINT32_MAX)
			written[i].until = from;
	assert_int_equal(rig_write(r, (uint64_t)chunk * CHUNK, CHUNK, seed), SLUICE_OK);
	while (written_count % CHUNKS != chunk)
		written_count++;
	written[written_count].seed = seed;
	written[written_count].from = stream.count;
	written[written_count++].until = UINT32_MAX;
}

static bool is_over(struct rig *r)
{
	assert_int_equal(rig_command(r, "status", "{}", ""), 0);
	return strstr(r->reply, "\"reencrypt\":null") != NULL;
}

struct walk {
	const char *command, *args, *keks;
	bool is_formatted; /* before */
};

static void primary_run(struct rig *r, const struct walk *w)
{
	for (uint32_t i = 0; i < stream.count; i++)
		free(stream.entries[i].data);
	memset(&stream, 0, sizeof(stream));
	memset(written, 0, sizeof(written));
	memset(keeper.companion, 0, SLUICE_COMPANION_BYTES);
	written_count = 0;
	stream.is_recording = true;
	tell(r, SLUICE_COMPANION_PRIMARY);
	if (w->is_formatted && rig_command(r, "encrypt_in_place", "{\"key_id\":\"k\"}", "a") != 0)
		fail_msg("encrypt_in_place: %s", r->err.text);
	for (uint32_t i = 0; w->is_formatted && i < 10000 && !is_over(r); i++)
		go(r, 10);
	for (uint32_t i = 0; i < CHUNKS; i++)
		write_chunk(r, i, 100 + i);
	if (rig_command(r, w->command, w->args, w->keks) != 0)
		fail_msg("%s: %s", w->command, r->err.text);
	go(r, 40); /* some zones */
	write_chunk(r, 1, 201);
	write_chunk(r, 4, 204);
	for (uint32_t i = 0; i < 10000 && !is_over(r); i++)
		go(r, 10);
	assert_true(is_over(r));
	go(r, 100);
	stream.is_recording = false;
}

/* ---------------------------------------------------------------- promotions */

static void raw_ended(struct sluice_io *io) {}

static void side_fill(struct rig *r, uint32_t length)
{
	uint8_t *image = calloc(1, USED);
	char bottom[4096] = {0};
	struct sluice_io io = {.op = SLUICE_OP_WRITE,
			       .len_bytes = USED,
			       .buf = image,
			       .end = raw_ended,
			       .bottom = bottom};

	assert_non_null(image);
	memset(keeper.companion, 0, SLUICE_COMPANION_BYTES);
	for (uint32_t i = 0; i < length; i++) {
		const struct entry *x = &stream.entries[i];
		uint8_t *to = (x->is_companion ? keeper.companion : image) + x->offset_bytes;

		if (!x->is_companion && x->offset_bytes + x->len_bytes > USED)
			continue; /* zeros over holes */
		if (x->data)
			memcpy(to, x->data, x->len_bytes);
		else
			memset(to, 0, x->len_bytes);
	}
	assert_true(r->backend->io_ctx_bytes <= sizeof(bottom));
	r->backend->ops->submit(r->backend, &io);
	assert_int_equal(io.status, SLUICE_OK);
	free(image);
}

static void check_all(struct rig *r, uint32_t length)
{
	for (uint32_t i = 0; i < written_count; i++)
		if (written[i].seed && length >= written[i].from && length <= written[i].until)
			rig_check(r, (uint64_t)(i % CHUNKS) * CHUNK, CHUNK, written[i].seed);
}

/* True: it had a rekey to go on with. */
static bool promote(uint32_t length)
{
	struct rig r;
	bool had_walk;

	side_open(&r);
	side_fill(&r, length);
	tell(&r, SLUICE_COMPANION_REPLICA);
	tell(&r, SLUICE_COMPANION_PRIMARY);
	if (strcmp(rig_state(&r), "clear") != 0 && rig_command(&r, "unlock", "{}", "b") != 0 &&
	    rig_command(&r, "unlock", "{}", "a") != 0)
		fail_msg("prefix %u: it is %s, and no key opens it: %s", length, rig_state(&r),
			 r.err.text);
	if (strcmp(rig_state(&r), "unlocked") != 0 && strcmp(rig_state(&r), "clear") != 0)
		fail_msg("prefix %u: it is %s", length, rig_state(&r));
	check_all(&r, length);
	had_walk = !is_over(&r);
	for (uint32_t i = 0; i < 3000 && had_walk && !is_over(&r); i++)
		go(&r, 10);
	assert_true(!had_walk || is_over(&r));
	check_all(&r, length);
	side_close(&r);
	return had_walk;
}

static void promote_all(const struct walk *w)
{
	uint32_t step = getenv("COMPANION_STEP") ? 1 : 2;
	uint32_t walks = 0, promotions = 0, first;
	struct rig r;

	side_open(&r);
	primary_run(&r, w);
	side_close(&r);
	first = written[0].from;
	/* Each is flushed to a real disk; COMPANION_STEP=1 in the environment: all of them. */
	for (uint32_t length = first; length <= stream.count; length += step, promotions++)
		walks += promote(length);
	print_message("%u writes in the stream, %u promotions, %u with a walk to go on with\n",
		      stream.count, promotions, walks);
	assert_true(walks >= 3 * CHUNKS / step);
}

static void every_prefix_of_encrypt_in_place_can_be_promoted(void **state)
{
	promote_all(&(struct walk){"encrypt_in_place", "{\"key_id\":\"k\"}", "a", false});
}

static void every_prefix_of_decrypt_in_place_can_be_promoted(void **state)
{
	promote_all(&(struct walk){"decrypt_in_place", "{\"confirm\":\"v\"}", "", true});
}

static void every_prefix_of_a_deep_rekey_can_be_promoted(void **state)
{
	promote_all(&(struct walk){"rekey_deep", "{\"key_id\":\"n\"}", "ab", true});
}

static void a_replica_takes_no_commands_but_may_be_unlocked_in_advance(void **state)
{
	struct rig r;

	side_open(&r);
	side_fill(&r, written[0].from);
	tell(&r, SLUICE_COMPANION_REPLICA);
	assert_string_equal(rig_state(&r), "locked");
	assert_int_equal(rig_command(&r, "rekey_deep", "{\"key_id\":\"n\"}", "ab"), -EROFS);
	assert_int_equal(rig_command(&r, "unlock", "{}", "a"), 0);
	assert_int_equal(rig_io(&r, SLUICE_OP_READ, 0, CHUNK, r.buf), SLUICE_ERR_NOT_READY);
	tell(&r, SLUICE_COMPANION_PRIMARY);
	assert_string_equal(rig_state(&r), "unlocked");
	check_all(&r, written[0].from);
	side_close(&r);
}

static void a_header_that_does_not_reach_the_companion_is_undone(void **state)
{
	struct rig r;

	side_open(&r);
	memset(keeper.companion, 0, SLUICE_COMPANION_BYTES);
	tell(&r, SLUICE_COMPANION_PRIMARY);
	keeper.write_result = -EIO;
	assert_int_not_equal(rig_command(&r, "encrypt_in_place", "{\"key_id\":\"k\"}", "a"), 0);
	keeper.write_result = 0;
	go(&r, 3000);
	assert_string_equal(rig_state(&r), "clear");
	assert_true(is_over(&r));
	assert_int_equal(rig_command(&r, "encrypt_in_place", "{\"key_id\":\"k\"}", "a"), 0);
	side_close(&r);
}

static int set_up(void **state)
{
	keeper.companion = calloc(1, SLUICE_COMPANION_BYTES);
	return keeper.companion ? 0 : -1;
}

static int tear_down(void **state)
{
	for (uint32_t i = 0; i < stream.count; i++)
		free(stream.entries[i].data);
	free(keeper.companion);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    T(every_prefix_of_encrypt_in_place_can_be_promoted),
	    T(every_prefix_of_decrypt_in_place_can_be_promoted),
	    T(every_prefix_of_a_deep_rekey_can_be_promoted),
	    T(a_replica_takes_no_commands_but_may_be_unlocked_in_advance),
	    T(a_header_that_does_not_reach_the_companion_is_undone),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
