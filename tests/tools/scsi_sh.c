/* SPDX-License-Identifier: MIT */
/*
 * scsi_sh.c - a SCSI session driven by lines on standard input, one line of result each.
 *
 *     scsi_sh [--name IQN] [--raw] [--limit-ms N] iscsi://...
 *
 * --hello prints "ready" when the session stands, for a test that keeps it open;
 * with --raw nothing is sent before the first line, so that unit attentions can be seen.
 */
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "scsi_cmd.h"

#define OPS_MAX 256

struct op {
	bool is_used, is_over;
	struct scsi_cmd cmd;
	struct scsi_task *task;
	uint64_t started_ns, ended_ns;
	char text[4096];
};

static struct op ops[OPS_MAX];
static struct initiator in;
static int limit_ms = 30000;

static void say(const char *text)
{
	puts(text);
	fflush(stdout);
}

static void on_end(struct iscsi_context *iscsi, int status, void *data, void *priv)
{
	struct op *op = priv;
	struct outcome out;

	(void)iscsi;
	(void)data;
	outcome_of(op->task, status, &out);
	scsi_cmd_format(&op->cmd, &out, op->text, sizeof(op->text));
	op->is_over = true;
	op->ended_ns = clock_now_ns();
	scsi_free_scsi_task(op->task);
	op->task = NULL;
	scsi_cmd_free(&op->cmd);
}

static void serve(int ms)
{
	struct initiator *one = &in;

	if (in.iscsi && !in.is_broken)
		initiator_poll(&one, 1, ms);
	else
		usleep((useconds_t)ms * 1000);
	if (in.is_broken && in.iscsi)
		initiator_close(&in);
}

/*
 * A started command is on its way before the next line is read: libiscsi takes back what it has not
 * sent yet when a task management function is asked for, and the target would wait for the missing
 * number for ever.
 */
static void send_all(void)
{
	uint64_t end_ns = clock_now_ns() + (uint64_t)limit_ms * CLOCK_NS_PER_MS;

	while (in.iscsi && !in.is_broken && iscsi_out_queue_length(in.iscsi) > 0 &&
	       clock_now_ns() < end_ns)
		serve(10);
}

static struct op *op_start(const char *line, unsigned number)
{
	struct op *op = &ops[number % OPS_MAX];
	char error[256];

	if (op->is_used && !op->is_over) {
		say("transport that number is still running");
		return NULL;
	}
	memset(op, 0, sizeof(*op));
	if (scsi_cmd_parse(line, in.block_bytes, &op->cmd, error, sizeof(error))) {
		scsi_cmd_free(&op->cmd);
		say(error);
		return NULL;
	}
	op->is_used = true;
	op->started_ns = clock_now_ns();
	op->task = initiator_start(&in, &op->cmd.cdb, on_end, op);
	if (!op->task) {
		op->is_over = true;
		snprintf(op->text, sizeof(op->text), "transport not connected");
		scsi_cmd_free(&op->cmd);
	}
	send_all();
	return op;
}

static bool op_wait(struct op *op, int ms)
{
	uint64_t end_ns = clock_now_ns() + (uint64_t)ms * CLOCK_NS_PER_MS;

	while (!op->is_over && clock_now_ns() < end_ns)
		serve(10);
	return op->is_over;
}

static void do_command(const char *line, unsigned number)
{
	struct op *op = op_start(line, number);

	if (op)
		say(op_wait(op, limit_ms) ? op->text : "timeout");
}

/* Task management: prints "tmf RESPONSE MS". */
struct tmf {
	bool is_over;
	int status;
	uint32_t response;
};

static void on_tmf(struct iscsi_context *iscsi, int status, void *data, void *priv)
{
	struct tmf *t = priv;

	(void)iscsi;
	t->is_over = true;
	t->status = status;
	if (status == SCSI_STATUS_GOOD && data)
		memcpy(&t->response, data, sizeof(t->response));
}

static void do_tmf(struct op *op)
{
	static struct tmf t;
	uint64_t from_ns = clock_now_ns();
	char text[128];
	int rc = -1;

	memset(&t, 0, sizeof(t));
	if (!in.iscsi)
		rc = -1;
	else if (!op)
		rc = iscsi_task_mgmt_lun_reset_async(in.iscsi, (uint32_t)in.lun, on_tmf, &t);
	else if (op->task)
		rc = iscsi_task_mgmt_async(in.iscsi, in.lun, ISCSI_TM_ABORT_TASK, op->task->itt,
					   op->task->cmdsn, on_tmf, &t);
	if (rc) {
		say("transport the task management function could not be sent");
		return;
	}
	while (!t.is_over && in.iscsi &&
	       clock_now_ns() - from_ns < (uint64_t)limit_ms * CLOCK_NS_PER_MS)
		serve(10);
	if (!t.is_over)
		say("tmf unanswered");
	else {
		snprintf(text, sizeof(text), "tmf response=%u status=%d ms=%" PRIu64, t.response,
			 t.status, (uint64_t)((clock_now_ns() - from_ns) / CLOCK_NS_PER_MS));
		say(text);
	}
}

static void do_wait(unsigned number, int ms)
{
	struct op *op = &ops[number % OPS_MAX];
	char text[4200];

	if (!op->is_used) {
		say("transport no such number");
		return;
	}
	if (!op_wait(op, ms)) {
		say("timeout");
		return;
	}
	snprintf(text, sizeof(text), "%s ms=%" PRIu64, op->text,
		 (uint64_t)((op->ended_ns - op->started_ns) / CLOCK_NS_PER_MS));
	say(text);
}

/* Returns false at logout. */
static bool do_line(char *line)
{
	unsigned number = 0;
	int ms = limit_ms, used = 0;

	line[strcspn(line, "\n")] = 0;
	if (sscanf(line, "start %u %n", &number, &used) == 1 && used > 0) {
		struct op *op = op_start(line + used, number);

		if (op)
			say(op->is_over ? op->text : "started");
	} else if (sscanf(line, "wait %u %d", &number, &ms) >= 1) {
		do_wait(number, ms);
	} else if (sscanf(line, "abort %u", &number) == 1) {
		do_tmf(&ops[number % OPS_MAX]);
	} else if (!strcmp(line, "reset")) {
		do_tmf(NULL);
	} else if (sscanf(line, "sleep %d", &ms) == 1) {
		op_wait(&(struct op){0}, ms);
		say("good");
	} else if (!strcmp(line, "help")) {
		say(scsi_cmd_help);
	} else if (!strcmp(line, "logout")) {
		say(in.iscsi && !initiator_logout(&in, limit_ms) ? "good"
								 : "transport no answer to logout");
		return false;
	} else if (*line && *line != '#') {
		do_command(line, 0);
	}
	return true;
}

/* Lines are awaited together with the network, so that pings of the target are answered meanwhile.
 */
static bool next_line(char *line, size_t size)
{
	size_t n = 0;

	for (;;) {
		struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
		ssize_t got;

		if (poll(&p, 1, 0) <= 0) {
			serve(10);
			continue;
		}
		got = read(STDIN_FILENO, line + n, 1);
		if (got <= 0 || line[n] == '\n' || n + 2 == size) {
			line[n] = 0;
			return n > 0 || got > 0;
		}
		n++;
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"name", required_argument, NULL, 'n'},
						{"raw", no_argument, NULL, 'r'},
						{"hello", no_argument, NULL, 'h'},
						{"limit-ms", required_argument, NULL, 'l'},
						{0}};
	const char *name = NULL;
	bool is_raw = false, says_hello = false;
	static char line[1 << 17];
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'n')
			name = optarg;
		else if (c == 'r')
			is_raw = true;
		else if (c == 'h')
			says_hello = true;
		else if (c == 'l')
			limit_ms = (int)strtol(optarg, NULL, 0);
		else
			return 2;
	}
	if (optind + 1 != argc) {
		fprintf(stderr,
			"scsi_sh [--name IQN] [--raw] [--hello] [--limit-ms N] iscsi://...\n%s",
			scsi_cmd_help);
		return 2;
	}
	if ((is_raw ? initiator_login : initiator_open)(&in, argv[optind], name, limit_ms)) {
		printf("transport %s\n", in.error);
		return 1;
	}
	if (is_raw)
		in.block_bytes = 512;
	if (says_hello)
		say("ready");
	while (next_line(line, sizeof(line)) && do_line(line)) {
	}
	initiator_close(&in);
	return 0;
}
