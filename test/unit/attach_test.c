// SPDX-License-Identifier: Apache-2.0
//
// Description: the shim's sessions along forks, with a real collector: what one
// told its collector is not taken for known by that of a child, and a child
// closes what is its parent's, not what the host has put in its place.
#include "collector/server.h"
#include "preload/conf.h"
#include "preload/launch.h"
#include "preload/session.h"
#include "preload/state.h"
#include "proto/setting.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define DEADLINE_S 20

static char dir[] = "/tmp/cprof-attach-XXXXXX";
static char socket_path[64];
static pid_t server_pid;

static int start_server(void **unused)
{
	struct opts o = {.socket = socket_path, .log_level = LOG_OFF};

	(void)unused;
	if (!mkdtemp(dir))
		return -1;
	snprintf(socket_path, sizeof(socket_path), "%s/s", dir);
	fflush(NULL);
	server_pid = fork();
	if (!server_pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		exit(server_run(&o));
	}
	for (int i = 0; i < DEADLINE_S * 100; i++) {
		if (!access(socket_path, F_OK))
			return 0;
		usleep(10000);
	}
	return -1;
}

static int stop_server(void **unused)
{
	char command[128];
	int status;

	(void)unused;
	kill(server_pid, SIGTERM);
	if (waitpid(server_pid, &status, 0) != server_pid || status)
		return -1;
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

// Runs FN in a fork child: 0 is its exit status when all is well.
static int in_child(int (*fn)(void))
{
	int status = -1;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid)
		_exit(fn());
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// As the shim's constructor does.
static bool attach(uint32_t transport)
{
	static const char *const warnings[] = {NULL};

	setenv("CPROF_SOCKET", socket_path, 1);
	setenv("CPROF_DIR", dir, 1);
	conf_init();
	conf.values[SETTING_TRANSPORT] = transport;
	if (state_init())
		return false;
	launch_init();
	session_init(warnings);
	session_start();
	return state_control() != NULL;
}

// A fork child as the hooks make it, in a thread that has had no event.
static bool attach_forked(void)
{
	memset(&self, 0, sizeof(self));
	session_forked();
	return !state.serial && session_ensure();
}

static uint32_t parents, grandparents;

static int be_grandchild(void)
{
	return !attach_forked() || state_collector_token() == parents ||
	       state_collector_token() == grandparents;
}

static int be_child(void)
{
	if (!attach_forked())
		return 1;
	grandparents = parents;
	parents = state_collector_token();
	return parents == grandparents ? 2 : in_child(be_grandchild) * 4;
}

static int be_parent(void)
{
	if (!attach(TRANSPORT_RING))
		return 1;
	parents = state_collector_token();
	return in_child(be_child);
}

static void test_no_token_comes_twice_in_a_line(void **unused)
{
	(void)unused;
	assert_int_equal(in_child(be_parent), 0);
}

static int stream_fd;

static int is_closed(void)
{
	session_forked();
	return fcntl(stream_fd, F_GETFD) >= 0;
}

static int is_open(void)
{
	session_forked();
	return fcntl(stream_fd, F_GETFD) < 0;
}

static int be_streaming(void)
{
	int fds[2];

	if (!attach(TRANSPORT_SOCKET))
		return 1;
	stream_fd = (int)state.x_fd - 1;
	if (in_child(is_closed))
		return 2;
	// The host's own, a socket too.
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) ||
	    dup2(fds[0], stream_fd) < 0)
		return 3;
	return in_child(is_open) ? 4 : 0;
}

static void test_a_child_closes_its_parents_only(void **unused)
{
	(void)unused;
	assert_int_equal(in_child(be_streaming), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_token_comes_twice_in_a_line),
		cmocka_unit_test(test_a_child_closes_its_parents_only),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
