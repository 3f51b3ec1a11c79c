/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain_int.h"

void rig_log(struct rig *r, const char *fmt, ...)
{
	size_t n = strlen(r->log);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->log + n, sizeof(r->log) - n, fmt, ap);
	va_end(ap);
}

/* ---------------------------------------------------------------- backend */

static void backend_submit(struct backend *b, struct sluice_io *io)
{
	struct t_backend *be = (struct t_backend *)b;

	rig_log(be->rig, "=");
	memset(io->bottom, 0x5a, b->io_ctx_bytes);
	if (be->is_manual) {
		assert_true(be->pending_count < RIG_IOS);
		be->pending[be->pending_count++] = io;
		return;
	}
	io->status = (uint8_t)be->status;
	io->end(io);
}

static void backend_grow(struct backend *b, uint64_t new_size_bytes,
			 void (*fn)(void *ctx, int result), void *ctx)
{
	struct t_backend *be = (struct t_backend *)b;

	rig_log(be->rig, "grow ");
	if (be->grow_result == 0)
		b->size_bytes = new_size_bytes;
	fn(ctx, be->grow_result);
}

void rig_end(struct rig *r, enum sluice_status status)
{
	struct t_backend *be = &r->be;
	struct sluice_io *io = be->pending[0];

	assert_true(be->pending_count > 0);
	be->pending_count--;
	memmove(be->pending, be->pending + 1, be->pending_count * sizeof(be->pending[0]));
	io->status = (uint8_t)status;
	io->end(io);
}

/* ---------------------------------------------------------------- filters */

static struct t_filter *t_of(const struct sluice_filter *f)
{
	return (struct t_filter *)(uintptr_t)f->ops;
}

static enum sluice_verdict t_defer(struct t_filter *t, struct sluice_io *io)
{
	struct sluice_token *token;

	if (t->lie == LIE_NO_TOKEN)
		return SLUICE_DEFER;
	token = sluice_defer(t->f, io, t->deadline_ms);
	if (!token) {
		t->refused_count++;
		return SLUICE_PASS;
	}
	assert_ptr_equal(sluice_token_io(token), io);
	assert_true(t->token_count < RIG_IOS);
	t->tokens[t->token_count++] = token;
	if (t->lie == LIE_RESUME_AND_PASS || t->lie == LIE_RESUME_INSIDE)
		sluice_resume(rig_token(t));
	if (t->lie == LIE_RESUME_AND_PASS || t->lie == LIE_TOKEN_AND_PASS)
		return SLUICE_PASS;
	return SLUICE_DEFER;
}

static enum sluice_verdict t_verdict(struct t_filter *t, struct sluice_io *io,
				     enum sluice_verdict v)
{
	assert_string_equal(t->rig->blame, t->ops.name);
	if (v == SLUICE_FAIL)
		io->status = (uint8_t)t->status;
	return v == SLUICE_DEFER ? t_defer(t, io) : v;
}

static enum sluice_verdict t_submit(struct sluice_filter *f, struct sluice_io *io)
{
	struct t_filter *t = t_of(f);
	const uint8_t *ctx = sluice_io_ctx(f, io);

	rig_log(t->rig, "%s>", t->ops.name);
	for (uint32_t i = 0; i < t->ops.io_ctx_bytes; i++)
		assert_int_equal(ctx[i], 0);
	memset(sluice_io_ctx(f, io), t->ops.name[0], t->ops.io_ctx_bytes);
	if (t->on_submit_hook)
		t->on_submit_hook(t, io);
	return t_verdict(t, io, t->on_submit);
}

static enum sluice_verdict t_done(struct sluice_filter *f, struct sluice_io *io)
{
	struct t_filter *t = t_of(f);
	const uint8_t *ctx = sluice_io_ctx(f, io);

	rig_log(t->rig, "%s<", t->ops.name);
	for (uint32_t i = 0; i < t->ops.io_ctx_bytes; i++)
		assert_int_equal(ctx[i], t->ops.name[0]);
	return t_verdict(t, io, t->on_done);
}

static int t_attach(struct sluice_filter *f, const union sluice_value *values,
		    struct sluice_error *err)
{
	struct t_filter *t = t_of(f);

	if (t->attach_result < 0) {
		snprintf(err->field, sizeof(err->field), "size_bytes");
		snprintf(err->text, sizeof(err->text), "it does not want to");
		return t->attach_result;
	}
	t->f = f;
	t->values = values;
	sluice_state_set(f, t);
	rig_log(t->rig, "%s.attach ", t->ops.name);
	return 0;
}

static void t_detach(struct sluice_filter *f)
{
	rig_log(t_of(f)->rig, "%s.detach ", f->ops->name);
}

static int t_reconfigure(struct sluice_filter *f, enum sluice_phase phase,
			 const union sluice_value *values, struct sluice_error *err)
{
	struct t_filter *t = t_of(f);
	static const char *const names[] = {"prepare", "commit", "abort"};

	rig_log(t->rig, "%s.re-%s ", t->ops.name, names[phase]);
	if (phase == SLUICE_COMMIT)
		t->values = values;
	return phase == SLUICE_PREPARE ? t->reconfigure_result : 0;
}

static int t_event(struct sluice_filter *f, enum sluice_phase phase, const struct sluice_event *ev,
		   struct sluice_error *err)
{
	struct t_filter *t = t_of(f);
	static const char *const names[] = {"prepare", "commit", "abort", "held"};

	if (ev->kind == SLUICE_EVENT_DETACH) {
		assert_int_equal(phase, SLUICE_PREPARE);
		if (t->leave_result < 0)
			snprintf(err->text, sizeof(err->text), "the volume is encrypted");
		return t->leave_result;
	}
	rig_log(t->rig, "%s.%s ", t->ops.name, names[phase]);
	if (phase == SLUICE_HELD)
		return t->held_result;
	return phase == SLUICE_PREPARE ? t->prepare_result : 0;
}

static void t_drain(struct sluice_filter *f, bool begin)
{
	struct t_filter *t = t_of(f);

	rig_log(t->rig, "%s.drain%s ", t->ops.name, begin ? "+" : "-");
	if (begin && t->holds_drain)
		sluice_drain_hold(f);
	while (begin && t->resumes_on_drain && t->token_count > 0)
		sluice_resume(rig_token(t));
}

static int t_settle(struct sluice_filter *f, enum sluice_settle phase, struct sluice_error *err)
{
	struct t_filter *t = t_of(f);

	rig_log(t->rig, "%s.settle%s ", t->ops.name, phase == SLUICE_SETTLE_BEGIN ? "+" : "-");
	assert_string_equal(t->rig->blame, t->ops.name);
	if (phase == SLUICE_SETTLE_BEGIN && t->settle_result < 0)
		snprintf(err->text, sizeof(err->text), "its log is damaged");
	return phase == SLUICE_SETTLE_BEGIN ? t->settle_result : 0;
}

void rig_settles(struct t_filter *t)
{
	t->ops.settle = t_settle;
}

static void t_abort(struct sluice_filter *f, struct sluice_io *io)
{
	struct t_filter *t = t_of(f);

	rig_log(t->rig, "%s.abort ", t->ops.name);
	if (t->resumes_on_abort)
		sluice_resume(rig_token(t));
}

static const struct sluice_param t_params[] = {
    {.name = "size_bytes",
     .type = SLUICE_TYPE_U64,
     .unit = "bytes",
     .max = 1 << 20,
     .def = 4096,
     .help = "h"},
    {.name = "mode",
     .type = SLUICE_TYPE_STRING,
     .unit = "",
     .max = 8,
     .def_string = "none",
     .help = "h"},
};

struct t_filter *rig_filter(struct rig *r, const char *name, enum sluice_class cls)
{
	struct t_filter *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	assert_true(r->filter_count < RIG_FILTERS);
	r->filters[r->filter_count++] = t;
	t->rig = r;
	t->status = SLUICE_ERR_NO_SPACE;
	t->deadline_ms = 1000;
	t->ops = (struct sluice_filter_ops){
	    .abi = SLUICE_SDK_ABI,
	    .struct_bytes = sizeof(t->ops),
	    .name = name,
	    .version = "1",
	    .help = "A test's.",
	    .cls = cls,
	    .op_mask = SLUICE_OPS_ALL,
	    .io_ctx_bytes = 24,
	    .params = t_params,
	    .param_count = 2,
	    .attach = t_attach,
	    .detach = t_detach,
	    .reconfigure = t_reconfigure,
	    .event = t_event,
	    .drain = t_drain,
	    .submit = t_submit,
	    .done = t_done,
	    .abort = t_abort,
	};
	return t;
}

struct sluice_token *rig_token(struct t_filter *t)
{
	struct sluice_token *token = t->tokens[0];

	assert_true(t->token_count > 0);
	t->token_count--;
	memmove(t->tokens, t->tokens + 1, t->token_count * sizeof(t->tokens[0]));
	return token;
}

/* ---------------------------------------------------------------- the chain */

static void host_report(void *ctx, const char *filter, const char *kind, const char *text)
{
	struct rig *r = ctx;

	r->reports++;
	snprintf(r->report_filter, sizeof(r->report_filter), "%s", filter);
	snprintf(r->report_kind, sizeof(r->report_kind), "%s", kind);
	snprintf(r->report_text, sizeof(r->report_text), "%s", text);
}

void rig_open_with(struct rig *r, uint32_t max_ios, uint32_t backend_op_mask)
{
	struct chain_cfg cfg;

	memset(r, 0, sizeof(*r));
	fake_env_init(&r->fe, 1);
	r->be.rig = r;
	r->be.ops = (struct backend_ops){.name = "test",
					 .op_mask = backend_op_mask,
					 .submit = backend_submit,
					 .grow = backend_grow};
	r->be.b.ops = &r->be.ops;
	r->be.b.size_bytes = RIG_SIZE;
	r->be.b.io_ctx_bytes = 40;
	r->host.report = host_report;
	r->host.ctx = r;
	cfg = (struct chain_cfg){
	    .env = &r->fe.env,
	    .backend = &r->be.b,
	    .volume = "vol1",
	    .block_bytes = 512,
	    .max_ios = max_ios,
	    .host = &r->host,
	    .blame = r->blame,
	};
	assert_int_equal(chain_create(&cfg, &r->c, &r->err), 0);
}

void rig_open(struct rig *r)
{
	rig_open_with(r, RIG_IOS, SLUICE_OPS_ALL);
}

void rig_control_done(void *ctx, int result, const struct err *err)
{
	struct rig *r = ctx;

	assert_true((result < 0) == (err != NULL));
	r->done_count++;
	r->result = result;
	if (err)
		r->err = *err;
}

int rig_drain(struct rig *r)
{
	r->result = -EINPROGRESS;
	chain_drain(r->c, rig_control_done, r);
	fake_env_settle(&r->fe);
	return r->result;
}

void rig_close(struct rig *r)
{
	assert_int_equal(rig_drain(r), 0);
	chain_detach_all(r->c);
	chain_destroy(r->c);
	fake_env_settle(&r->fe);
	assert_int_equal(r->fe.timer_count, 0);
	assert_string_equal(r->blame, "");
	fake_env_fini(&r->fe);
	for (uint32_t i = 0; i < r->filter_count; i++)
		free(r->filters[i]);
}

int rig_try_attach(struct rig *r, struct t_filter *t, enum on_failure on_failure)
{
	struct chain_filter_cfg cfg = {.ops = &t->ops, .on_failure = on_failure};

	r->result = -EINPROGRESS;
	chain_attach(r->c, &cfg, rig_control_done, r);
	fake_env_settle(&r->fe);
	return r->result;
}

void rig_attach(struct rig *r, struct t_filter *t)
{
	if (rig_try_attach(r, t, ON_FAILURE_HOLD) != 0)
		fail_msg("attach: %s", r->err.text);
	r->log[0] = '\0';
}

int rig_detach(struct rig *r, const char *name)
{
	r->result = -EINPROGRESS;
	chain_detach(r->c, name, rig_control_done, r);
	fake_env_settle(&r->fe);
	return r->result;
}

/* ---------------------------------------------------------------- I/O */

static void io_ended(struct sluice_io *io)
{
	struct rig *r = chain_io_owner(io);

	assert_string_equal(r->blame, "");
	rig_log(r, "!");
	r->ended++;
	r->last_status = (enum sluice_status)io->status;
}

static void io_ended_put(struct sluice_io *io)
{
	struct rig *r = chain_io_owner(io);

	io_ended(io);
	chain_io_put(r->c, io);
}

struct sluice_io *rig_io(struct rig *r, enum sluice_op op, uint64_t offset_bytes,
			 uint64_t len_bytes)
{
	struct sluice_io *io = chain_io_get(r->c);

	assert_non_null(io);
	io->op = (uint8_t)op;
	io->offset_bytes = offset_bytes;
	io->len_bytes = len_bytes;
	return io;
}

void rig_submit(struct rig *r, struct sluice_io *io)
{
	chain_submit(r->c, io, io_ended, r);
}

void rig_go(struct rig *r, enum sluice_op op)
{
	chain_submit(r->c, rig_io(r, op, 0, op == SLUICE_OP_FLUSH ? 0 : 4096), io_ended_put, r);
}
