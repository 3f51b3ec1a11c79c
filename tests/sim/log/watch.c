// SPDX-License-Identifier: MIT
#include "watch.h"

#include <assert.h>
#include <string.h>

#include "lab.h"
#include "rlog_crc.h"

/* What must follow. */
struct watch_place {
	uint64_t seq;
	uint32_t epoch, crc;
};

static struct device *device_of(struct watch *w, enum log_env_device which)
{
	return &w->lab->devices[which];
}

/* ---------------------------------------------------------------- superblocks */

static bool super_at(const struct device *d, const uint8_t *medium, uint32_t block,
		     struct rlog_super *s)
{
	return rlog_super_decode(medium + (size_t)block * LAB_BLOCK_BYTES, d->file.size_bytes, s) ==
	       RLOG_SUPER_VALID;
}

/* The superblock that a power cut now would surely leave. */
static void find_super(struct watch *w, enum log_env_device which)
{
	struct watch_log *log = &w->logs[which];
	const struct device *d = device_of(w, which);
	struct rlog_geometry g;
	struct rlog_super b;

	log->has_super = false;
	/* After a failed flush nobody can know what is durable, not even by flushing again. */
	if (d->has_forgotten)
		return;
	if (!d->exists || !rlog_geometry_make(&g, LAB_BLOCK_BYTES, d->file.size_bytes,
					      w->lab->opt.checkpoint_blocks && which == DEVICE_LOG))
		return;
	log->has_super = super_at(d, d->stable, 0, &log->super);
	if (super_at(d, d->stable, g.super_b, &b) &&
	    (!log->has_super || b.sb_seq > log->super.sb_seq)) {
		log->super = b;
		log->has_super = true;
	}
}

/* W3: the record is in the datastore, durably, or something newer is. */
static void check_part(struct watch *w, const struct watch_log *log, const struct watch_record *r,
		       const struct watch_part *p)
{
	const struct device *sink = device_of(w, DEVICE_SINK);
	uint32_t v = oracle_version(sink->stable + (size_t)p->block * LAB_BLOCK_BYTES,
				    LAB_BLOCK_BYTES, p->block);

	if (v == ORACLE_TORN ? false
	    : p->is_zero     ? v == 0 || v > r->version_floor
			     : v >= p->version || (v == 0 && log->zeroed_seq[p->block] > r->seq))
		return;
	lab_fail(w->lab, "W3: the tail passes record %llu, block %u durably has version %u, not %u",
		 (unsigned long long)r->seq, p->block, v, p->version);
}

static void check_super(struct watch *w, enum log_env_device which, const struct env_io *io)
{
	struct watch_log *log = &w->logs[which];
	struct rlog_super s;

	if (rlog_super_decode(io->buf, device_of(w, which)->file.size_bytes, &s) !=
	    RLOG_SUPER_VALID)
		return;
	if (log->has_super && s.sb_seq % 2 == log->super.sb_seq % 2 &&
	    log->super.sb_seq != s.sb_seq)
		lab_fail(w->lab, "superblock %llu is written over %llu, the only durable one",
			 (unsigned long long)s.sb_seq, (unsigned long long)log->super.sb_seq);
	/* A journal also drops windows that have no end. */
	if (!w->is_dropping && which == DEVICE_LOG)
		for (uint64_t q = log->tail_seq; q < s.tail_seq; q++) {
			const struct watch_record *r = &log->records[q % WATCH_RECORDS];

			for (uint32_t i = 0; r->seq == q && i < r->part_count; i++)
				check_part(w, log, r, &r->parts[i]);
		}
	if (s.tail_seq > log->tail_seq)
		log->tail_seq = s.tail_seq;
}

/* ---------------------------------------------------------------- records */

static void add_part(struct watch_log *log, struct watch_record *r, uint32_t block, bool is_zero)
{
	assert(r->part_count < WATCH_RECORD_PARTS);
	if (block >= ORACLE_BLOCKS)
		return; /* the sink refuses it */
	r->parts[r->part_count++] =
	    (struct watch_part){.block = (uint8_t)block, .is_zero = is_zero};
	if (is_zero)
		log->zeroed_seq[block] = r->seq;
	else
		r->data_count++;
}

static void begin_record(struct watch_log *log, const uint8_t *header,
			 const struct rlog_record *rec)
{
	struct watch_record *r = &log->records[rec->seq % WATCH_RECORDS];

	*r = (struct watch_record){.seq = rec->seq, .version_floor = log->newest_version};
	for (uint32_t i = 0; i < rec->extent_count; i++) {
		struct rlog_extent x;

		rlog_record_extent(header, i, &x);
		for (uint64_t b = 0; x.kind != SLUICE_RLOG_MARK && b < x.block_count; b++)
			add_part(log, r, (uint32_t)(x.block + b), x.kind == SLUICE_RLOG_ZERO);
	}
	log->last_seq = rec->seq;
}

static void add_data(const struct lab *l, struct watch_log *log, const uint8_t *data,
		     uint64_t blocks)
{
	struct watch_record *r = &log->records[log->last_seq % WATCH_RECORDS];

	for (uint64_t b = 0; b < blocks; b++) {
		uint32_t n = 0;

		for (uint32_t i = 0; i < r->part_count; i++) {
			struct watch_part *p = &r->parts[i];

			if (p->is_zero || n++ != r->data_seen)
				continue;
			p->version = lab_medium_version(l, data + b * LAB_BLOCK_BYTES, p->block);
			if (p->version > log->newest_version && p->version != ORACLE_TORN)
				log->newest_version = p->version;
		}
		r->data_seen++;
	}
}

/* Step 4 of recovery, once more: a record is accepted iff it is exactly the one that must follow.
 */
static bool follows(const struct watch_log *log, const uint8_t *medium, uint32_t pos,
		    const struct watch_place *at, struct rlog_record *rec)
{
	const struct rlog_geometry *g = &log->super.geo;
	const uint8_t *circle = medium + (size_t)g->log_start * LAB_BLOCK_BYTES;
	const uint8_t *header = circle + (size_t)pos * LAB_BLOCK_BYTES;
	uint32_t seed;

	if (!rlog_record_decode(header, LAB_BLOCK_BYTES, rlog_seed_log(log->super.uuid), rec) ||
	    rec->seq != at->seq || rec->epoch < at->epoch || rec->epoch > log->super.epoch ||
	    rec->prev_crc != at->crc)
		return false;
	seed = rlog_seed_record(rlog_seed_log(log->super.uuid), rec->epoch, rec->seq);
	for (uint32_t i = 0; i < rec->data_blocks; i++)
		if (rlog_crc(seed,
			     circle + (size_t)((pos + 1 + i) % g->log_blocks) * LAB_BLOCK_BYTES,
			     LAB_BLOCK_BYTES) != rlog_record_crc(header, LAB_BLOCK_BYTES, i))
			return false;
	return true;
}

/* W8: the first record of a process stands right behind the last one that may be accepted. */
static void check_w8(struct watch *w, enum log_env_device which, uint32_t pos,
		     const struct rlog_record *first)
{
	const struct watch_log *log = &w->logs[which];
	const struct rlog_super *s = &log->super;
	struct watch_place at = {s->tail_seq, s->tail_epoch, s->tail_prev_crc};
	uint32_t here = s->tail_pos, used = 0;
	struct rlog_record rec;

	while (used < s->geo.log_blocks &&
	       follows(log, device_of(w, which)->cache, here, &at, &rec) &&
	       used + 1 + rec.data_blocks < s->geo.log_blocks) {
		at = (struct watch_place){rec.seq + 1, rec.epoch, rec.crc};
		used += 1 + rec.data_blocks;
		here = (s->tail_pos + used) % s->geo.log_blocks;
	}
	if (here != pos || at.seq != first->seq)
		lab_fail(
		    w->lab,
		    "W8: the log ends before record %llu at %u, a process goes on with %llu at %u",
		    (unsigned long long)at.seq, here, (unsigned long long)first->seq, pos);
}

static void check_w7(struct watch *w, enum log_env_device which, const struct rlog_record *rec)
{
	struct watch_log *log = &w->logs[which];

	if (log->record_count == 0) {
		/* In a new log there is nothing that it could come after. */
		if (rec->type != RLOG_RECORD_EPOCH && rec->epoch > 1)
			lab_fail(w->lab, "W7: the first record of a process is no EPOCH record");
		if (log->super.epoch != rec->epoch)
			lab_fail(w->lab, "W7: record of epoch %u, the durable superblock has %u",
				 rec->epoch, log->super.epoch);
	} else if (rec->epoch > 1 &&
		   (log->epoch_write == 0 ||
		    (device_of(w, which)->flushed < log->epoch_write && !log->is_epoch_durable))) {
		lab_fail(w->lab, "W7: record %llu before the EPOCH record is durable",
			 (unsigned long long)rec->seq);
	}
	log->record_count++;
}

/* W1, W2: a write to the circle. */
static void check_circle(struct watch *w, enum log_env_device which, const struct env_io *io)
{
	struct watch_log *log = &w->logs[which];
	uint32_t blocks = (uint32_t)(io->len_bytes / LAB_BLOCK_BYTES);
	uint32_t size = log->super.geo.log_blocks;
	uint32_t pos = (uint32_t)(io->offset_bytes / LAB_BLOCK_BYTES) - log->super.geo.log_start;
	struct rlog_record rec;
	uint32_t used;

	if (log->record_count > 0 && pos != log->head_pos)
		lab_fail(w->lab, "W1: written at %u of the circle, its head is at %u", pos,
			 log->head_pos);
	if ((pos + size - log->super.tail_pos) % size + blocks > size - 1)
		lab_fail(w->lab, "W1, W2: %u blocks at %u reach the durable tail at %u of %u",
			 blocks, pos, log->super.tail_pos, size);
	log->head_pos = (pos + blocks) % size;
	if (log->rest > 0) {
		add_data(w->lab, log, io->buf, blocks);
		log->rest -= blocks < log->rest ? blocks : log->rest;
		return;
	}
	if (!rlog_record_decode(io->buf, LAB_BLOCK_BYTES, rlog_seed_log(log->super.uuid), &rec)) {
		lab_fail(w->lab, "written at %u of the circle: no record", pos);
		return;
	}
	if (log->record_count == 0)
		check_w8(w, which, pos, &rec);
	/* W15: the reserve is left to EPOCH records. */
	used = (pos + size - log->super.tail_pos) % size + 1 + rec.data_blocks;
	if (rec.type != RLOG_RECORD_EPOCH && used + 1 + w->lab->opt.reserve_blocks > size)
		lab_fail(w->lab, "W15: record %llu leaves %u blocks free, %u are reserved",
			 (unsigned long long)rec.seq, size - used - 1, w->lab->opt.reserve_blocks);
	check_w7(w, which, &rec);
	begin_record(log, io->buf, &rec);
	add_data(w->lab, log, (const uint8_t *)io->buf + LAB_BLOCK_BYTES, blocks - 1);
	log->rest = 1u + rec.data_blocks - blocks;
}

/* ---------------------------------------------------------------- what goes to the datastore */

bool watch_is_durable(const struct watch *w, enum log_env_device which, uint32_t version)
{
	const struct device *d = &w->lab->devices[which];
	uint64_t at = w->logs[which].where[version];

	if (w->logs[which].is_itself_durable[version])
		return true;
	/* What a failed flush of the last process forgot, the next one cannot know. */
	if (d->has_forgotten && !w->logs[which].has_failed)
		return at > 0;
	return at > 0 && d->flushed >= at && !(d->has_forgotten && at >= d->forgotten_from);
}

static void check_sink(struct watch *w, const struct env_io *io)
{
	const struct lab *l = w->lab;

	if (io->op != ENV_IO_WRITE)
		return;
	for (uint64_t at = 0; at < io->len_bytes; at += LAB_BLOCK_BYTES) {
		uint32_t block = (uint32_t)((io->offset_bytes + at) / LAB_BLOCK_BYTES);
		uint32_t v = oracle_version((const uint8_t *)io->buf + at, LAB_BLOCK_BYTES, block);

		if (v >= l->oracle.next_version || v >= WATCH_VERSIONS)
			lab_fail(w->lab, "W11: the datastore gets a block %u that nobody wrote",
				 block);
		else if (v && !watch_is_durable(w, DEVICE_LOG, v))
			lab_fail(w->lab,
				 "W4: version %u goes to the datastore before it is durable", v);
		else if (v && l->opt.is_journaled && !watch_is_durable(w, DEVICE_JOURNAL, v))
			lab_fail(
			    w->lab,
			    "journal: version %u is not durable there, and the datastore gets it",
			    v);
	}
}

/* ---------------------------------------------------------------- I/O */

static void submitted(void *ctx, enum log_env_device which, const struct env_io *io)
{
	struct watch *w = ctx;
	struct watch_log *log = &w->logs[which];

	if (which == DEVICE_SINK) {
		check_sink(w, io);
		return;
	}
	if (io->op == ENV_IO_READ && !log->is_flushed)
		lab_fail(w->lab, "W6: %s is read before it was flushed",
			 log_env_device_name(which));
	if (io->op != ENV_IO_WRITE || !log->has_super)
		return;
	if (io->offset_bytes < (uint64_t)log->super.geo.checkpoint_start * LAB_BLOCK_BYTES)
		check_super(w, which, io);
	else if (io->offset_bytes >= (uint64_t)log->super.geo.log_start * LAB_BLOCK_BYTES)
		check_circle(w, which, io);
}

static void note_versions(struct watch *w, enum log_env_device which, const struct env_io *io)
{
	struct watch_log *log = &w->logs[which];
	uint64_t number = device_of(w, which)->written;

	if (!log->has_super ||
	    io->offset_bytes < (uint64_t)log->super.geo.log_start * LAB_BLOCK_BYTES)
		return;
	if (log->record_count == 1 && log->epoch_write == 0) {
		log->epoch_write = number;
		log->is_epoch_durable = io->is_durable;
	}
	for (uint64_t at = 0; at < io->len_bytes; at += LAB_BLOCK_BYTES) {
		const uint8_t *data = (const uint8_t *)io->buf + at;
		uint32_t v = lab_medium_version(w->lab, data, data[0]);

		if (v != ORACLE_TORN && v < w->lab->oracle.next_version && v < WATCH_VERSIONS) {
			log->where[v] = number;
			log->is_itself_durable[v] = io->is_durable;
		}
	}
}

static void ended(void *ctx, enum log_env_device which, const struct env_io *io)
{
	struct watch *w = ctx;

	if (which == DEVICE_SINK)
		return;
	if (io->result && io->op != ENV_IO_READ)
		w->logs[which].has_failed = true;
	if (io->op == ENV_IO_SYNC) {
		w->logs[which].is_flushed = true;
		find_super(w, which);
	} else if (io->op == ENV_IO_WRITE && io->result == 0) {
		note_versions(w, which, io);
	}
}

/* ---------------------------------------------------------------- life */

void watch_init(struct watch *w, struct lab *l)
{
	w->lab = l;
	w->is_dropping = false;
	for (uint32_t i = 0; i < 2; i++) {
		struct watch_log *log = &w->logs[i];

		for (uint32_t r = 0; r < WATCH_RECORDS; r++)
			log->records[r].seq = log->records[r].part_count = 0;
		memset(log->zeroed_seq, 0, sizeof(log->zeroed_seq));
		memset(log->where, 0, sizeof(log->where));
		memset(log->is_itself_durable, 0, sizeof(log->is_itself_durable));
		log->last_seq = 0;
		log->tail_seq = 1;
		log->newest_version = 0;
		log->has_super = false;
	}
	if (!l->is_blind)
		l->env.watch =
		    (struct log_env_watch){.submitted = submitted, .ended = ended, .ctx = w};
}

void watch_process(struct watch *w)
{
	for (uint32_t i = 0; i < 2; i++) {
		struct watch_log *log = &w->logs[i];

		log->is_flushed = log->has_failed = false;
		log->record_count = log->rest = 0;
		log->epoch_write = 0;
		log->is_epoch_durable = false;
		find_super(w, (enum log_env_device)i);
	}
	w->is_dropping = false;
	w->first_version = w->lab->oracle.next_version;
	w->acked_upto[0] = w->acked_upto[1] = w->lab->oracle.next_version;
}

void watch_killed(struct watch *w)
{
	for (uint32_t i = 0; i < 2; i++)
		for (uint32_t v = w->first_version; v < w->lab->oracle.next_version; v++)
			if (!w->logs[i].where[v])
				w->logs[i].where[v] = w->lab->devices[i].written;
}

void watch_acked(struct watch *w, uint32_t last_version, bool is_d2)
{
	const struct watch_log *log = &w->logs[DEVICE_LOG];
	uint32_t v;

	/* What failed is not waited for. */
	if (w->lab->env.plan.has_struck || w->lab->is_blind)
		return;
	/* Those before were looked at when this process acknowledged them, or a boot found them. */
	for (v = w->acked_upto[is_d2]; v <= last_version; v++) {
		if (is_d2 ? !watch_is_durable(w, DEVICE_LOG, v) : !log->where[v])
			lab_fail(w->lab, "W5: version %u is acknowledged at %s, %u is not yet %s",
				 last_version, is_d2 ? "D2" : "D1", v,
				 is_d2 ? "durable" : "written");
	}
	if (last_version >= w->acked_upto[is_d2])
		w->acked_upto[is_d2] = last_version + 1;
}
