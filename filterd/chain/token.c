/* SPDX-License-Identifier: MIT */
/*
 * token.c - deferred I/Os: taking one out of the flow, and the one way back.
 *
 * A filter holds a handle, not a pointer: the address of the I/O's token with a tag in the bits
 * that an address does not use, so that a handle kept too long is told from the I/O's next
 * deferral:
 *
 *     63      48 47                     6 5    0        address: 64-aligned, below 2^47
 *     [ tag 6..21 ][  address bits 6..47  ][ tag 0..5 ]  tag: generation (19 bits) and filter's
 * slot (3)
 *
 * The token's word is where everybody who wants to finish it meets: the filter on whatever thread,
 * the deadline, the host that takes it back. Compare-and-swap from "held, this tag" lets one of
 * them win.
 *
 *     word   63 ... 54 | 53 ... 32 | 15 ... 8 | 7 ... 4 | 3 ... 0
 *              0       |   tag     |  status  | verdict |  phase
 *
 * Another thread leaves its result in the word and posts the token to the owner, where it is still
 * on the list of deferred I/Os until then. The owner thread is the one that made the chain; the
 * address of a thread's own variable is its mark, which needs no call and no shared state.
 *
 * Thread: as filter.h says for each.
 */
#include <assert.h>

#include "chain_int.h"

#define PHASE_FREE     0u
#define PHASE_HELD     1u
#define PHASE_FINISHED 2u
#define PHASE_MASK     0xfu

#define TAG_SLOT_BITS 3u
#define TAG_BITS      22u
#define TAG_MASK      ((1u << TAG_BITS) - 1)
#define LOW_BITS      6u
#define LOW_MASK      ((1u << LOW_BITS) - 1)
#define HIGH_SHIFT    48u
#define ADDRESS_MASK  (((1ull << HIGH_SHIFT) - 1) & ~(uint64_t)LOW_MASK)

_Static_assert(sizeof(void *) == 8, "handles need 64-bit pointers");
_Static_assert(1u << TAG_SLOT_BITS >= CHAIN_MAX_FILTERS, "a slot fits in its bits");
_Static_assert(_Alignof(struct sluice_token) == 1u << LOW_BITS, "the low bits are free");

static _Thread_local char thread_mark;

const void *token_owner_mark(void)
{
	return &thread_mark;
}

bool token_on_owner(const struct chain *c)
{
	return c->owner_mark == &thread_mark;
}

static uint64_t word_held(uint32_t tag)
{
	return (uint64_t)tag << 32 | PHASE_HELD;
}

static uint64_t word_finished(uint32_t tag, enum sluice_verdict v, uint8_t status)
{
	return (uint64_t)tag << 32 | (uint64_t)status << 8 | (uint64_t)v << 4 | PHASE_FINISHED;
}

static struct sluice_token *handle_make(struct sluice_token *t, uint32_t tag)
{
	uint64_t at = (uint64_t)(uintptr_t)t;

	assert((at & ~ADDRESS_MASK) == 0);
	at |= (tag & LOW_MASK) | (uint64_t)(tag >> LOW_BITS) << HIGH_SHIFT;
	return (struct sluice_token *)(uintptr_t)at;
}

static struct sluice_token *handle_token(const struct sluice_token *handle)
{
	return (struct sluice_token *)(uintptr_t)((uint64_t)(uintptr_t)handle & ADDRESS_MASK);
}

static uint32_t handle_tag(const struct sluice_token *handle)
{
	uint64_t at = (uint64_t)(uintptr_t)handle;

	return (uint32_t)((at & LOW_MASK) | at >> HIGH_SHIFT << LOW_BITS);
}

static struct chain_io *token_cio(struct sluice_token *t)
{
	return list_entry(t, struct chain_io, token);
}

/* Off the list of deferred I/Os; still is_taken until the result is applied. */
static void take_back(struct chain_io *cio)
{
	list_del(&cio->node);
	cio->chain->filters[cio->level]->held--;
}

static void token_arrived(struct env_msg *m)
{
	struct chain_io *cio = token_cio(list_entry(m, struct sluice_token, msg));

	take_back(cio);
	walk_queue(cio);
}

struct sluice_token *sluice_defer(struct sluice_filter *f, struct sluice_io *io,
				  uint32_t deadline_ms)
{
	struct chain_io *cio = chain_io_of(io);
	struct chain *c = f->chain;
	struct sluice_token *t = &cio->token;
	uint32_t tag;

	if (!cio->is_in_call || cio->level != f->index || t->is_taken) {
		report_misuse(c, f->slot, MISUSE_DEFER);
		return NULL;
	}
	if (c->state != CHAIN_OPEN && (c->state != CHAIN_DRAINING || f->drain_holds == 0))
		return NULL;
	if (deadline_ms == 0)
		deadline_ms = CHAIN_DEADLINE_DEFAULT_MS;
	t->generation++;
	t->deadline_ns = env_now_ns(c->env) + (uint64_t)deadline_ms * 1000000;
	t->is_taken = true;
	t->is_hung_reported = false;
	t->msg.fn = token_arrived;
	tag = (t->generation << TAG_SLOT_BITS | f->slot) & TAG_MASK;
	f->held++;
	list_push_back(&c->deferred, &cio->node);
	deadline_arm(c);
	/* Release: whoever finishes it sees all of the above. */
	atomic_store_explicit(&t->word, word_held(tag), memory_order_release);
	return handle_make(t, tag);
}

struct sluice_io *sluice_token_io(const struct sluice_token *handle)
{
	return &token_cio(handle_token(handle))->io;
}

static void token_finish(struct sluice_token *handle, enum sluice_verdict v,
			 enum sluice_status status)
{
	struct sluice_token *t = handle_token(handle);
	struct chain_io *cio = token_cio(t);
	struct chain *c = cio->chain;
	uint32_t tag = handle_tag(handle);
	uint64_t held = word_held(tag);

	/* Release: what this thread did to the I/O's data goes with it. */
	if (!atomic_compare_exchange_strong_explicit(&t->word, &held,
						     word_finished(tag, v, (uint8_t)status),
						     memory_order_acq_rel, memory_order_acquire)) {
		report_misuse(c, tag & (CHAIN_MAX_FILTERS - 1), MISUSE_FINISH);
		return;
	}
	if (token_on_owner(c))
		token_arrived(&t->msg);
	else
		env_post(c->env, &t->msg);
}

void sluice_resume(struct sluice_token *t)
{
	token_finish(t, SLUICE_PASS, SLUICE_OK);
}

void sluice_complete(struct sluice_token *t)
{
	token_finish(t, SLUICE_COMPLETE, SLUICE_OK);
}

void sluice_fail(struct sluice_token *t, enum sluice_status status)
{
	token_finish(t, SLUICE_FAIL,
		     (unsigned)status < SLUICE_STATUS_COUNT ? status : SLUICE_ERR_IO);
}

bool token_is_held(const struct chain_io *cio)
{
	return cio->token.is_taken &&
	       (atomic_load_explicit(&cio->token.word, memory_order_acquire) & PHASE_MASK) ==
		   PHASE_HELD;
}

bool token_revoke(struct chain_io *cio)
{
	uint64_t word = atomic_load_explicit(&cio->token.word, memory_order_acquire);

	if ((word & PHASE_MASK) != PHASE_HELD)
		return false;
	/* Acquire: if the filter was first, it finished, and its result is read later. */
	if (!atomic_compare_exchange_strong_explicit(&cio->token.word, &word, PHASE_FREE,
						     memory_order_acq_rel, memory_order_acquire))
		return false;
	take_back(cio);
	cio->token.is_taken = false;
	return true;
}

enum sluice_verdict token_result(struct chain_io *cio)
{
	uint64_t word = atomic_load_explicit(&cio->token.word, memory_order_acquire);
	enum sluice_verdict v = (enum sluice_verdict)(word >> 4 & 0xf);

	assert((word & PHASE_MASK) == PHASE_FINISHED);
	atomic_store_explicit(&cio->token.word, PHASE_FREE, memory_order_relaxed);
	cio->token.is_taken = false;
	if (cio->must_fail) {
		cio->must_fail = false;
		cio->io.status = SLUICE_ERR_FAILED;
		return SLUICE_FAIL;
	}
	if (v == SLUICE_COMPLETE && cio->stage == STAGE_UP) {
		/* As from done() itself: what the layers below have said stands. */
		report_misuse(cio->chain, cio->chain->filters[cio->level]->slot, MISUSE_VERDICT);
		return SLUICE_PASS;
	}
	if (v != SLUICE_PASS)
		cio->io.status = (uint8_t)(word >> 8);
	return v;
}

/*
 * The I/O fails. Passing it on would be wrong: a filter that took a token may still work on the
 * buffers, and one that said DEFER may have wanted to change what goes below.
 */
enum sluice_verdict token_mismatch(struct chain_io *cio, struct sluice_filter *f,
				   enum sluice_verdict v)
{
	bool is_refusal = v == SLUICE_DEFER && cio->chain->state != CHAIN_OPEN;

	report_misuse(cio->chain, f->slot, MISUSE_VERDICT);
	if (cio->token.is_taken && !token_revoke(cio)) {
		cio->must_fail = true; /* it is on its way back already */
		return SLUICE_DEFER;
	}
	/* DEFER after a refused token: it may be tried again once the chain is open. */
	cio->io.status = is_refusal ? SLUICE_ERR_BUSY : SLUICE_ERR_FAILED;
	return SLUICE_FAIL;
}
