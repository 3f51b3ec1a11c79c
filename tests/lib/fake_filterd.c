/* SPDX-License-Identifier: MIT */
/*
 * fake_filterd.c - the smallest server that a LUN can live with: a disk in RAM, no filters, no SCSI
 * finesse.
 *
 * For tests of the module alone. Replays what an earlier one left (the disk may be a file, so that
 * it survives a kill).
 *
 *   fake_filterd <socket> <disk file or "-"> <size in MiB> [hold|another]
 *
 * hold: commands that touch the medium are claimed and never answered, until an abort asks for
 * them. another: the volume is another one than without it. Prints "ready" when it listens. One
 * thread; ends by a signal.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bytes.h"
#include "wire/ring.h"

#define CLIENTS_MAX 16

struct client {
	int sock, memfd, kick_fd, wake_fd;
	uint8_t *base;
	struct ring_header h;
	struct ring_control *control;
	struct ring_slot *slots;
	_Atomic uint32_t *sq, *cq;
	uint32_t sq_head, cq_tail;
};

static struct client clients[CLIENTS_MAX];
static uint8_t *disk;
static uint64_t disk_bytes;
static uint64_t incarnation;
static bool is_holding;
static uint8_t uuid[16] = {0x5a, 1, 2, 3};

static uint32_t reply(struct ring_response *rsp, uint8_t *data, const struct ring_request *q,
		      const void *from, uint32_t bytes)
{
	rsp->in_bytes = bytes < q->in_bytes ? bytes : q->in_bytes;
	memcpy(data, from, rsp->in_bytes);
	return rsp->in_bytes;
}

static void inquiry(struct ring_response *rsp, uint8_t *data, const struct ring_request *q)
{
	uint8_t d[36] = {0, 0, 6, 0x12, 31};

	memcpy(d + 8, "SLUICE  VIRTUAL DISK    FAKE", 28);
	if (q->cdb[1] & 1) {
		memset(d, 0, sizeof(d));
		d[1] = q->cdb[2];
		d[3] = q->cdb[2] == 0 ? 1 : 0;
	}
	reply(rsp, data, q, d, q->cdb[1] & 1 ? 4u + d[3] : sizeof(d));
}

static void capacity(struct ring_response *rsp, uint8_t *data, const struct ring_request *q)
{
	uint8_t d[32] = {0};

	if (q->cdb[0] == 0x25) {
		put_be32(d, (uint32_t)(disk_bytes / 512 - 1));
		put_be32(d + 4, 512);
		reply(rsp, data, q, d, 8);
	} else {
		put_be64(d, disk_bytes / 512 - 1);
		put_be32(d + 8, 512);
		reply(rsp, data, q, d, 32);
	}
}

static bool is_medium_access(uint8_t op)
{
	return op == 0x28 || op == 0x2a || op == 0x88 || op == 0x8a;
}

static void medium(struct ring_response *rsp, uint8_t *data, const struct ring_request *q)
{
	bool is_16 = q->cdb[0] & 0x80, is_write = (q->cdb[0] & 0x7f) == 0x2a || q->cdb[0] == 0x8a;
	uint64_t lba = is_16 ? get_be64(q->cdb + 2) : get_be32(q->cdb + 2);
	uint64_t bytes = 512ull * (is_16 ? get_be32(q->cdb + 10) : get_be16(q->cdb + 7));

	if (lba * 512 + bytes > disk_bytes) {
		static const uint8_t range[18] = {0x70, 0, 5, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x21};

		rsp->status = 2;
		rsp->sense_bytes = sizeof(range);
		memcpy(rsp->sense, range, sizeof(range));
		return;
	}
	if (is_write) {
		memcpy(disk + lba * 512, data, bytes < q->out_bytes ? bytes : q->out_bytes);
		rsp->out_used_bytes = (uint32_t)bytes;
	} else {
		memcpy(data, disk + lba * 512, bytes < q->in_bytes ? bytes : q->in_bytes);
		rsp->in_bytes = (uint32_t)bytes;
	}
}

static void finish(struct client *c, uint32_t slot, const struct ring_response *rsp)
{
	struct ring_slot *s = &c->slots[slot];

	s->rsp = *rsp;
	atomic_store_explicit(&s->state, RING_WORD(RING_DONE, incarnation), memory_order_release);
	atomic_store_explicit(&c->cq[c->cq_tail & (c->h.slot_count - 1)], slot,
			      memory_order_relaxed);
	c->cq_tail++;
	atomic_store_explicit(&c->control->cq_tail, c->cq_tail, memory_order_release);
}

static void execute(struct client *c, uint32_t slot)
{
	struct ring_slot *s = &c->slots[slot];
	struct ring_request q = s->req;
	struct ring_response rsp = {.out_used_bytes = q.out_bytes};
	uint8_t *data = c->base + c->h.arena_off + q.data_off;

	if (is_medium_access(q.cdb[0])) {
		if (is_holding)
			return;
		medium(&rsp, data, &q);
	} else if (q.cdb[0] == 0x12) {
		inquiry(&rsp, data, &q);
	} else if (q.cdb[0] == 0x25 || (q.cdb[0] == 0x9e && (q.cdb[1] & 0x1f) == 0x10)) {
		capacity(&rsp, data, &q);
	} else if (q.cdb[0] == 0x1a || q.cdb[0] == 0x5a) {
		uint8_t d[8] = {q.cdb[0] == 0x1a ? 3 : 0, q.cdb[0] == 0x1a ? 0 : 6};

		reply(&rsp, data, &q, d, q.cdb[0] == 0x1a ? 4 : 8);
	}
	finish(c, slot, &rsp);
}

/* Whatever is there: the table, not the queue, so that it serves a replay and the everyday alike.
 */
static bool serve(struct client *c)
{
	bool any = false;

	for (uint32_t i = 0; i < c->h.slot_count; i++) {
		struct ring_slot *s = &c->slots[i];
		uint64_t word = atomic_load(&s->state);
		unsigned state = RING_WORD_STATE(word);
		bool is_mine = RING_WORD_INCARNATION(word) == incarnation;

		if (state == RING_CLAIMED && is_mine && atomic_load(&s->abort)) {
			struct ring_response aborted = {.status = 0x40};

			finish(c, i, &aborted);
			any = true;
			continue;
		}
		if (state != RING_SUBMITTED && !(state == RING_CLAIMED && !is_mine))
			continue;
		if (!atomic_compare_exchange_strong(&s->state, &word,
						    RING_WORD(RING_CLAIMED, incarnation)))
			continue;
		execute(c, i);
		any = true;
	}
	return any;
}

static void ring_bell(struct client *c)
{
	uint64_t one = 1;

	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load(&c->control->cq_need_kick) && write(c->wake_fd, &one, sizeof(one)) < 0)
		perror("wake");
}

static void work(struct client *c)
{
	uint64_t count;
	ssize_t n = read(c->kick_fd, &count, sizeof(count));

	(void)n;
	for (;;) {
		atomic_store(&c->control->sq_need_kick, 0);
		c->sq_head = atomic_load(&c->control->sq_tail);
		while (serve(c))
			ring_bell(c);
		atomic_store(&c->control->sq_need_kick, 1);
		atomic_thread_fence(memory_order_seq_cst);
		if (atomic_load(&c->control->sq_tail) == c->sq_head)
			return;
	}
}

static void hang_up(struct client *c)
{
	close(c->sock);
	if (c->base) {
		munmap(c->base, c->h.total_bytes);
		close(c->memfd);
		close(c->kick_fd);
		close(c->wake_fd);
	}
	memset(c, 0, sizeof(*c));
	c->sock = -1;
}

static void welcome(struct client *c)
{
	struct ring_msg_welcome w = {.type = RING_MSG_WELCOME,
				     .abi = RING_ABI,
				     .incarnation = incarnation,
				     .size_bytes = disk_bytes,
				     .block_bytes = 512};

	memcpy(w.uuid, uuid, sizeof(w.uuid));
	memcpy(&c->h, c->base, sizeof(c->h));
	c->control = (struct ring_control *)(c->base + c->h.control_off);
	c->slots = (struct ring_slot *)(c->base + c->h.slots_off);
	c->sq = (_Atomic uint32_t *)(c->base + c->h.sq_off);
	c->cq = (_Atomic uint32_t *)(c->base + c->h.cq_off);
	c->cq_tail = atomic_load(&c->control->cq_tail);
	work(c);
	if (send(c->sock, &w, sizeof(w), MSG_NOSIGNAL) < 0)
		hang_up(c);
}

static bool is_for_another(const struct ring_msg_hello *h)
{
	static const uint8_t none[sizeof(uuid)];

	return memcmp(h->uuid, none, sizeof(none)) != 0 && memcmp(h->uuid, uuid, sizeof(uuid)) != 0;
}

static void refuse(struct client *c)
{
	struct ring_msg_refuse r = {
	    .type = RING_MSG_REFUSE, .may_retry = 1, .text = "another volume of that name"};

	if (send(c->sock, &r, sizeof(r), MSG_NOSIGNAL) < 0)
		perror("refuse");
	hang_up(c);
}

static void hear(struct client *c)
{
	union ring_msg msg;
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(3 * sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = &msg, .iov_len = sizeof(msg)};
	struct msghdr mh = {.msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control.bytes)};
	ssize_t n = recvmsg(c->sock, &mh, MSG_CMSG_CLOEXEC);
	struct cmsghdr *cm = n > 0 ? CMSG_FIRSTHDR(&mh) : NULL;
	int fds[3];

	if (n <= 0 || !cm || c->base) {
		hang_up(c);
		return;
	}
	memcpy(fds, CMSG_DATA(cm), sizeof(fds));
	if (is_for_another(&msg.hello)) {
		refuse(c);
		for (unsigned i = 0; i < 3; i++)
			close(fds[i]);
		return;
	}
	c->memfd = fds[0];
	c->kick_fd = fds[1];
	c->wake_fd = fds[2];
	c->h.total_bytes = (uint64_t)lseek(c->memfd, 0, SEEK_END);
	c->base = mmap(NULL, c->h.total_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, c->memfd, 0);
	if (c->base == MAP_FAILED)
		exit(1);
	welcome(c);
}

static int listen_at(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, 16) < 0) {
		perror(path);
		exit(1);
	}
	return fd;
}

static void open_disk(const char *path, const char *mib)
{
	int fd = -1;

	disk_bytes = strtoull(mib, NULL, 10) << 20;
	if (strcmp(path, "-") != 0) {
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0 || ftruncate(fd, (off_t)disk_bytes) < 0) {
			perror(path);
			exit(1);
		}
	}
	disk = mmap(NULL, disk_bytes, PROT_READ | PROT_WRITE,
		    fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, fd, 0);
	if (disk == MAP_FAILED)
		exit(1);
}

static void loop(int listener)
{
	for (;;) {
		struct pollfd p[1 + 2 * CLIENTS_MAX];
		unsigned i;

		p[0] = (struct pollfd){.fd = listener, .events = POLLIN};
		for (i = 0; i < CLIENTS_MAX; i++) {
			p[1 + 2 * i] = (struct pollfd){.fd = clients[i].sock, .events = POLLIN};
			p[2 + 2 * i] = (struct pollfd){
			    .fd = clients[i].base ? clients[i].kick_fd : -1, .events = POLLIN};
		}
		if (poll(p, 1 + 2 * CLIENTS_MAX, 100) < 0 && errno != EINTR)
			exit(1);
		for (i = 0; i < CLIENTS_MAX; i++) {
			if (clients[i].sock >= 0 && p[1 + 2 * i].revents)
				hear(&clients[i]);
			if (clients[i].base)
				work(&clients[i]);
		}
		if (!(p[0].revents & POLLIN))
			continue;
		for (i = 0; i < CLIENTS_MAX && clients[i].sock >= 0; i++)
			;
		if (i < CLIENTS_MAX)
			clients[i].sock = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	}
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "usage: fake_filterd <socket> <disk|-> <MiB> [hold|another]\n");
		return 2;
	}
	is_holding = argc > 4 && strcmp(argv[4], "hold") == 0;
	if (argc > 4 && strcmp(argv[4], "another") == 0)
		uuid[1] = 9;
	incarnation = (uint64_t)getpid();
	open_disk(argv[2], argv[3]);
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		clients[i].sock = -1;
	int listener = listen_at(argv[1]);
	puts("ready");
	fflush(stdout);
	loop(listener);
	return 0;
}
