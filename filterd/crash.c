/* SPDX-License-Identifier: MIT */
#include "crash.h"

#include <signal.h>
#include <stddef.h>

#include "worker.h"

static struct shared *note;

static void fatal(int sig)
{
	atomic_store_explicit(&note->crashed, worker_self(), memory_order_release);
	raise(sig); /* the default action is back: see SA_RESETHAND */
}

void crash_watch(struct shared *shared)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
	struct sigaction sa = {.sa_handler = fatal, .sa_flags = (int)SA_RESETHAND | SA_NODEFER};
	struct sigaction old;

	note = shared;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		/* A sanitizer's own handler says more than ours. */
		if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
			sigaction(signals[i], &sa, NULL);
	}
}
