/* SPDX-License-Identifier: GPL-2.0-only */
#include "tgt_stub.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

void register_bs_module(void);

#define EVENTS_MAX 64

struct stub_event {
	int fd;
	event_handler_t handler;
	void *data;
};

static struct stub_event events[EVENTS_MAX];
static int ep_fd = -1;
static bool need_refresh;
static struct list_head sched_list;
static struct backingstore_template *module;
static struct target target;
static struct tgt_driver driver = {.name = "stub"};
static unsigned attentions;
static uint16_t last_attention;

struct tgt_driver *tgt_drivers[2] = {&driver, NULL};

static void head_init(struct list_head *h)
{
	h->next = h->prev = h;
}

static void unlink_node(struct list_head *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	head_init(n);
}

static void push_back(struct list_head *h, struct list_head *n)
{
	n->prev = h->prev;
	n->next = h;
	h->prev->next = n;
	h->prev = n;
}

/* ------------------------------------------------------------------ tgtd's functions: loop */

int tgt_event_add(int fd, int mask, event_handler_t handler, void *data)
{
	for (unsigned i = 0; i < EVENTS_MAX; i++)
		if (!events[i].handler) {
			struct epoll_event ev = {.events = (uint32_t)mask, .data.u32 = i};

			events[i] = (struct stub_event){fd, handler, data};
			return epoll_ctl(ep_fd, EPOLL_CTL_ADD, fd, &ev);
		}
	return -ENOMEM;
}

void tgt_event_del(int fd)
{
	for (unsigned i = 0; i < EVENTS_MAX; i++)
		if (events[i].handler && events[i].fd == fd) {
			epoll_ctl(ep_fd, EPOLL_CTL_DEL, fd, NULL);
			memset(&events[i], 0, sizeof(events[i]));
			need_refresh = true;
			return;
		}
	assert(!"an event that was never added");
}

void tgt_init_sched_event(struct event_data *e, sched_event_handler_t handler, void *data)
{
	e->sched_handler = handler;
	e->scheduled = 0;
	e->data = data;
	head_init(&e->e_list);
}

void tgt_add_sched_event(struct event_data *e)
{
	if (!e->scheduled) {
		e->scheduled = 1;
		push_back(&sched_list, &e->e_list);
	}
}

void tgt_remove_sched_event(struct event_data *e)
{
	if (e->scheduled) {
		e->scheduled = 0;
		unlink_node(&e->e_list);
	}
}

static void turn(int wait_ms)
{
	struct epoll_event ev[EVENTS_MAX];
	int n;

	while (sched_list.next != &sched_list) {
		struct event_data *e = tgt_entry(sched_list.next, struct event_data, e_list);

		tgt_remove_sched_event(e);
		e->sched_handler(e);
	}
	n = epoll_wait(ep_fd, ev, EVENTS_MAX, wait_ms);
	for (int i = 0; i < n; i++) {
		struct stub_event *e = &events[ev[i].data.u32];

		e->handler(e->fd, (int)ev[i].events, e->data);
		/* As tgtd: the rest of the batch may name what is gone. */
		if (need_refresh) {
			need_refresh = false;
			return;
		}
	}
}

bool stub_run_until(const bool *flag, unsigned limit_ms)
{
	uint64_t end = clock_now_ns() + limit_ms * CLOCK_NS_PER_MS;

	while (!*flag && clock_now_ns() < end)
		turn(10);
	return *flag;
}

void stub_run(unsigned ms)
{
	static const bool never;

	stub_run_until(&never, ms);
}

/* ------------------------------------------------------------------ tgtd's functions: the rest */

void log_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
}

int register_backingstore_template(struct backingstore_template *bst)
{
	module = bst;
	return 0;
}

void sense_data_build(struct scsi_cmd *cmd, uint8_t key, uint16_t asc)
{
	memset(cmd->sense_buffer, 0, sizeof(cmd->sense_buffer));
	cmd->sense_buffer[0] = 0x70;
	cmd->sense_buffer[2] = key;
	cmd->sense_buffer[12] = (uint8_t)(asc >> 8);
	cmd->sense_buffer[13] = (uint8_t)asc;
	cmd->sense_len = 18;
}

void ua_sense_clear(struct it_nexus_lu_info *itn_lu, uint16_t asc) {}

void ua_sense_add_other_it_nexus(uint64_t itn_id, struct scsi_lu *lu, uint16_t asc)
{
	attentions++;
	last_attention = asc;
}

void ua_sense_add_it_nexus(uint64_t itn_id, struct scsi_lu *lu, uint16_t asc)
{
	attentions++;
	last_attention = asc;
}

unsigned stub_unit_attentions(uint16_t *last_asc)
{
	*last_asc = last_attention;
	return attentions;
}

int spc_inquiry(int host_no, struct scsi_cmd *cmd)
{
	return SAM_STAT_GOOD;
}

int spc_report_luns(int host_no, struct scsi_cmd *cmd)
{
	return SAM_STAT_GOOD;
}

int spc_access_check(struct scsi_cmd *cmd)
{
	return cmd->dev->pr_holder &&
	       cmd->dev->dev_type_template.ops[cmd->scb[0]].pr_conflict_bits & PR_WE_FN;
}

int device_reserved(struct scsi_cmd *cmd)
{
	return cmd->dev->reserve_id && cmd->dev->reserve_id != cmd->cmd_itn_id ? -EBUSY : 0;
}

struct it_nexus *it_nexus_lookup(int tid, uint64_t itn_id)
{
	return NULL;
}

struct service_action *find_service_action(struct service_action *sa, uint32_t action)
{
	for (; sa->cmd_perform; sa++)
		if (sa->service_action == action)
			return sa;
	return NULL;
}

void target_cmd_io_done(struct scsi_cmd *cmd, int result)
{
	struct stub_cmd *c = tgt_entry(cmd, struct stub_cmd, scmd);

	assert(!c->is_over);
	c->is_over = true;
	c->status = result;
	cmd->dev->cmd_queue.active_cmd--;
	if (cmd->mreq)
		cmd->mreq->busy--;
}

/* ------------------------------------------------------------------ the test's side */

static int refuse(int host_no, struct scsi_cmd *cmd)
{
	sense_data_build(cmd, ILLEGAL_REQUEST, ASC_INVALID_OP_CODE);
	return SAM_STAT_CHECK_CONDITION;
}

static struct service_action no_actions[] = {{PR_OUT_PREEMPT, refuse}, {0, NULL}};

bool stub_answer_version(int argc, char **argv)
{
	if (argc != 2 || strcmp(argv[1], "-V") != 0)
		return false;
	puts("1.0.85");
	return true;
}

bool stub_start(void)
{
	ep_fd = epoll_create1(EPOLL_CLOEXEC);
	head_init(&sched_list);
	head_init(&target.it_nexus_list);
	head_init(&target.device_list);
	target.tid = 1;
	module = NULL;
	register_bs_module();
	return module != NULL;
}

void stub_stop(void)
{
	for (unsigned i = 0; i < EVENTS_MAX; i++)
		assert(!events[i].handler);
	assert(sched_list.next == &sched_list);
	close(ep_fd);
}

static struct scsi_lu *lun_new(void)
{
	struct scsi_lu *lu = calloc(1, sizeof(*lu) + (size_t)module->bs_datasize);
	struct device_type_operations *ops = lu->dev_type_template.ops;

	lu->lun = 1;
	lu->tgt = &target;
	lu->bst = module;
	lu->blk_shift = 9;
	for (unsigned i = 0; i < NR_SCSI_OPCODES; i++)
		ops[i].cmd_perform = refuse;
	ops[INQUIRY].cmd_perform = spc_inquiry;
	ops[REPORT_LUNS].cmd_perform = spc_report_luns;
	ops[PERSISTENT_RESERVE_IN].service_actions = no_actions;
	ops[PERSISTENT_RESERVE_OUT].service_actions = no_actions;
	head_init(&lu->lu_itl_info_list);
	head_init(&lu->registration_list);
	lu->attrs.lu_vpd[PCODE_OFFSET(0x83)] = calloc(1, sizeof(struct vpd));
	return lu;
}

static void lun_free(struct scsi_lu *lu)
{
	module->bs_exit(lu);
	free(lu->attrs.lu_vpd[PCODE_OFFSET(0x83)]);
	free(lu->path);
	free(lu);
}

struct scsi_lu *stub_lun_open(const char *volume, const char *socket_path)
{
	struct scsi_lu *lu = lun_new();
	char bsopts[160];

	snprintf(bsopts, sizeof(bsopts), "socket=%s", socket_path);
	lu->path = strdup(volume);
	if (module->bs_init(lu, bsopts) != TGTADM_SUCCESS ||
	    module->bs_open(lu, lu->path, &lu->fd, &lu->size) != 0) {
		lun_free(lu);
		return NULL;
	}
	lu->dev_type_template.lu_online(lu);
	return lu;
}

bool stub_lun_close(struct scsi_lu *lu)
{
	if (lu->cmd_queue.active_cmd > 0)
		return false;
	module->bs_close(lu);
	lun_free(lu);
	return true;
}

struct stub_cmd *stub_cmd_new(void)
{
	struct stub_cmd *c = calloc(1, sizeof(*c));

	c->data = calloc(1, STUB_DATA_BYTES);
	return c;
}

void stub_cmd_free(struct stub_cmd *c)
{
	free(c->scmd.mreq);
	free(c->data);
	free(c);
}

void stub_send(struct scsi_lu *lu, struct stub_cmd *c, uint64_t nexus_id, const uint8_t *cdb,
	       unsigned cdb_bytes, uint32_t out_bytes, uint32_t in_bytes)
{
	struct scsi_cmd *s = &c->scmd;
	int status;

	free(s->mreq);
	memset(s, 0, sizeof(*s));
	memset(c->cdb, 0, sizeof(c->cdb));
	memcpy(c->cdb, cdb, cdb_bytes);
	c->is_over = false;
	s->c_target = &target;
	s->dev = lu;
	s->dev_id = lu->lun;
	s->cmd_itn_id = nexus_id;
	s->scb = c->cdb;
	s->scb_len = sizeof(c->cdb);
	scsi_set_data_dir(s, out_bytes ? DATA_WRITE : in_bytes ? DATA_READ : DATA_NONE);
	scsi_set_out_length(s, out_bytes);
	scsi_set_in_length(s, in_bytes);
	scsi_set_out_buffer(s, out_bytes ? c->data : NULL);
	scsi_set_in_buffer(s, in_bytes ? c->data : NULL);
	lu->cmd_queue.active_cmd++;
	status = lu->dev_type_template.ops[cdb[0]].cmd_perform(0, s);
	assert(!c->is_over); /* never from inside the call */
	set_cmd_processed(s);
	if (!cmd_async(s))
		target_cmd_io_done(s, status);
}

struct mgmt_req *stub_abort(struct stub_cmd *c)
{
	struct mgmt_req *m = calloc(1, sizeof(*m));

	m->function = ABORT_TASK;
	m->busy = 1;
	c->scmd.mreq = m;
	return m;
}
