/* SPDX-License-Identifier: MIT */
/*
 * args_secret.c - what comes from files, standard input or a prompt: secrets never stand in the
 * arguments, where everybody on the machine sees them.
 */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cleanup.h"

#define SECRET_BYTES_MAX 4096u

/* ---------------------------------------------------------------- files */

/* Whole, up to max bytes; zero-terminated. */
static char *slurp(int fd, size_t max_bytes, const char *what, struct err *err)
{
	size_t size = 0, room = 4096;
	char *text = malloc(room + 1);

	while (text) {
		ssize_t n = read(fd, text + size, room - size);
		char *grown;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			err_set(err, errno, "", "%s: %s", what, strerror(errno));
			break;
		}
		size += (size_t)n;
		if (n == 0) {
			text[size] = '\0';
			return text;
		}
		if (size > max_bytes) {
			err_set(err, EFBIG, "", "%s is longer than %zu bytes", what, max_bytes);
			break;
		}
		if (size < room)
			continue;
		grown = realloc(text, room * 2 + 1);
		if (!grown) {
			err_set(err, ENOMEM, "", "no memory");
			break;
		}
		text = grown;
		room *= 2;
	}
	free(text);
	return NULL;
}

char *args_file(const char *name, const char *file, size_t max_bytes, struct err *err)
{
	cleanup_fd int fd = -1;

	if (strcmp(file, "-") == 0)
		return slurp(STDIN_FILENO, max_bytes, "standard input", err);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		err_set(err, errno, name, "%s: cannot read %.100s: %s", name, file,
			strerror(errno));
		return NULL;
	}
	return slurp(fd, max_bytes, file, err);
}

void args_forget(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

/* ---------------------------------------------------------------- prompts */

static volatile sig_atomic_t signal_seen;

static void on_signal(int number)
{
	signal_seen = number;
}

/*
 * Until a line has come, the input has ended, or a signal. The signals are blocked but while it
 * waits: one that comes between the prompt and the waiting would otherwise be lost, and the program
 * would wait on for a line of somebody who has gone.
 */
static void line_wait(char *line, const sigset_t *waiting)
{
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
	size_t used = 0;

	while (!signal_seen && used < SECRET_BYTES_MAX - 1 && !memchr(line, '\n', used)) {
		ssize_t n = 0;

		if (ppoll(&p, 1, NULL, waiting) < 0) {
			if (errno == EINTR)
				continue;
			break;
		}
		n = read(STDIN_FILENO, line + used, SECRET_BYTES_MAX - 1 - used);
		if (n <= 0)
			break;
		used += (size_t)n;
	}
	line[used] = '\0';
}

/* A line without echo. A signal ends the reading, so that the terminal is put back before the
 * program ends of it. */
static void line_read(char *line, const char *what, const struct termios *before)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction ours = {.sa_handler = on_signal}, theirs[3];
	struct termios quiet = *before;
	sigset_t blocked, was, waiting;

	sigemptyset(&blocked);
	for (int i = 0; i < 3; i++)
		sigaddset(&blocked, numbers[i]);
	sigprocmask(SIG_BLOCK, &blocked, &was);
	waiting = was;
	for (int i = 0; i < 3; i++) {
		sigdelset(&waiting, numbers[i]);
		sigaction(numbers[i], &ours, &theirs[i]);
	}
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	fprintf(stderr, "%s: ", what);
	fflush(stderr);
	line_wait(line, &waiting);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, before);
	fputc('\n', stderr);
	for (int i = 0; i < 3; i++)
		sigaction(numbers[i], &theirs[i], NULL);
	sigprocmask(SIG_SETMASK, &was, NULL);
	if (signal_seen)
		raise(signal_seen);
}

static char *prompt(const char *what, struct err *err)
{
	struct termios before;
	char *line = malloc(SECRET_BYTES_MAX);

	if (!line || tcgetattr(STDIN_FILENO, &before) < 0) {
		free(line);
		err_set(err, EINVAL, "", "cannot ask for %s", what);
		return NULL;
	}
	line_read(line, what, &before);
	line[strcspn(line, "\r\n")] = '\0';
	return line;
}

static char *prompt_for(const struct arg *a, struct err *err)
{
	char what[80], again_what[96];
	char *first, *again;

	snprintf(what, sizeof(what), "%s", a->member);
	for (char *p = what; *p; p++)
		if (*p == '_')
			*p = ' ';
	first = prompt(what, err);
	if (!first || !(a->flags & ARG_TWICE))
		return first;
	snprintf(again_what, sizeof(again_what), "%s once more", what);
	again = prompt(again_what, err);
	if (again && strcmp(first, again) == 0) {
		args_forget(again);
		return first;
	}
	args_forget(first);
	args_forget(again);
	err_set(err, EINVAL, a->name, "the two are not the same; nothing was changed");
	return NULL;
}

char *args_secret(struct cli *c, const struct arg *a, const char *file, struct err *err)
{
	char *text;

	if (strcmp(file, "-") == 0) {
		if (isatty(STDIN_FILENO))
			return prompt_for(a, err);
		if (c->is_secret_on_stdin) {
			err_set(err, EINVAL, a->name,
				"%s: standard input holds one secret; give the others in files",
				a->name);
			return NULL;
		}
		c->is_secret_on_stdin = true;
	}
	text = args_file(a->name, file, SECRET_BYTES_MAX, err);
	if (text)
		text[strcspn(text, "\r\n")] = '\0';
	if (text && text[0])
		return text;
	if (text)
		err_set(err, EINVAL, a->name, "%s: %.100s is empty", a->name,
			strcmp(file, "-") ? file : "standard input");
	args_forget(text);
	return NULL;
}
