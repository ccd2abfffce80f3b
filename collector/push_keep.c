// SPDX-License-Identifier: Apache-2.0
//
// What a sender was sending is in memory that it shares with who waits for it,
// so a death has a name. That memory is the collector's, too, and both are in a
// sandbox, which the keeper is not: it takes only the name of an item. The
// memory that ran out, or somebody's kill, may be why; only a death over the
// same item again and again is the item's.
#include "collector/push_keep.h"

#include "collector/log.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

// The longest before a sender that died is begun anew.
#define PAUSE_MAX_S 60u
// Deaths in a row over one item until it is set aside.
#define DEATHS_MAX 3u

struct keeper {
	const struct push_server *server;
	struct push_spool *spool;
	int wake_fd; // the sender's end
	bool is_sandboxed;
	// The last death: over which item, "" for none, and how many in a row.
	char item[PUSH_NAME_BYTES];
	unsigned n_deaths;
	unsigned n_unborn; // forks in a row that failed
};

// Keeps what the sender needs: its end of the socket, the spool, stdio.
static void close_others(int wake_fd, int spool_fd)
{
	int low = wake_fd < spool_fd ? wake_fd : spool_fd;
	int high = wake_fd < spool_fd ? spool_fd : wake_fd;

	log_keep();
	(void)close_range(3, (unsigned)low - 1, 0);
	if (high > low + 1)
		(void)close_range((unsigned)low + 1, (unsigned)high - 1, 0);
	(void)close_range((unsigned)high + 1, ~0u, 0);
}

static bool has_collector_gone(int wake_fd)
{
	char byte;

	return recv(wake_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void show_senders(struct keeper *k, uint64_t n)
{
	atomic_store_explicit(&k->spool->status->x_senders, n,
			      memory_order_relaxed);
}

static void set_aside(struct keeper *k)
{
	char name[PUSH_NAME_BYTES];
	int err = push_spool_set_aside(k->spool, k->item, name);

	if (err)
		log_error("push: can't set the profile '%s' aside, which the "
			  "sender dies over: %s",
			  k->item, strerror(-err));
	else
		log_error("push: the sender died %u times over the profile "
			  "'%s'; it is kept as '%s', and the next ones are "
			  "sent",
			  k->n_deaths, k->item, name);
	// One that stays where it is kills the next one too.
	if (!err || err == -ENOENT)
		k->n_deaths = 0;
}

// Of a sender, by the signal SIG.
static void note_death(struct keeper *k, int sig)
{
	char item[PUSH_NAME_BYTES];

	push_spool_take_sending(k->spool, item);
	if (strcmp(k->item, item))
		k->n_deaths = 0;
	memcpy(k->item, item, sizeof(item));
	k->n_deaths++;
	log_error("push: the sender died by signal %d%s%s", sig,
		  *k->item ? " over the profile " : "", k->item);
	if (*k->item && k->n_deaths >= DEATHS_MAX)
		set_aside(k);
}

// Each one that dies over the same, or can't be begun, is begun anew later than
// the last, so that one which can't live is no load.
static void pause_s(const struct keeper *k)
{
	unsigned s = k->n_deaths > k->n_unborn ? k->n_deaths : k->n_unborn;

	if (!s)
		s = 1;
	(void)sleep(s < PAUSE_MAX_S ? s : PAUSE_MAX_S);
}

// Does not return.
static void keep(struct keeper *k)
{
	int status = 0;

	(void)prctl(PR_SET_NAME, "cprofd-keep");
	for (;;) {
		pid_t sender = fork();

		if (!sender) {
			(void)prctl(PR_SET_NAME, "cprofd-send");
			push_send_run(k->server, k->spool, k->wake_fd,
				      k->is_sandboxed);
		}
		k->n_unborn = sender < 0 ? k->n_unborn + 1 : 0;
		show_senders(k, sender > 0);
		if (sender < 0)
			log_error("push: can't begin a sender: %s",
				  strerror(errno));
		else if (waitpid(sender, &status, 0) == sender) {
			show_senders(k, 0);
			if (!WIFSIGNALED(status))
				_exit(WEXITSTATUS(status));
			note_death(k, WTERMSIG(status));
		}
		pause_s(k);
		// What is in the spool is for the next one.
		if (has_collector_gone(k->wake_fd))
			_exit(EXIT_FAILURE);
	}
}

int push_keep_start(const struct push_server *server, struct push_spool *spool,
		    bool is_sandboxed)
{
	struct keeper k = {
		.server = server, .spool = spool, .is_sandboxed = is_sandboxed};
	int fds[2], err;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return -errno;
	pid = fork();
	err = -errno;
	if (!pid) {
		// The terminal's Ctrl-C is the collector's, which says when
		// the end is.
		signal(SIGINT, SIG_IGN);
		signal(SIGTERM, SIG_IGN);
		close_others(fds[1], spool->dir_fd);
		k.wake_fd = fds[1];
		keep(&k);
	}
	close(fds[1]);
	if (pid > 0)
		return fds[0];
	close(fds[0]);
	return err;
}
