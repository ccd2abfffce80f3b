// SPDX-License-Identifier: Apache-2.0
//
// Description: what comes before libmicrohttpd is there counts as a request;
// the thread that loads it has a stack of its own size; a place is given back
// by its serial where its descriptor may be another's.
#include "collector/http.h"
#include "collector/http_slots.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

// More than a collector would give any thread.
#define HUGE_BYTES (64u << 20)

static struct query query;
static const struct http_access access_all;
static _Atomic size_t x_stack_bytes;

static void note_stack(void *context)
{
	pthread_attr_t attr;
	size_t n_bytes = 0;

	(void)context;
	if (pthread_getattr_np(pthread_self(), &attr))
		return;
	(void)pthread_attr_getstacksize(&attr, &n_bytes);
	pthread_attr_destroy(&attr);
	x_stack_bytes = n_bytes;
}

static void test_waiting(void **state)
{
	struct http *h = http_new(&query, &access_all);
	int pair[2];
	char byte;

	(void)state;
	assert_non_null(h);
	assert_int_equal(http_n_requests(h), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	http_add(h, pair[0]);
	assert_int_equal(http_n_requests(h), 1);
	http_free(h);
	// Closed, as nobody came to serve it.
	assert_int_equal(read(pair[1], &byte, 1), 0);
	close(pair[1]);
}

// As in a collector that was started under another RLIMIT_STACK.
static void test_stack(void **state)
{
	struct http *h = http_new(&query, &access_all);
	pthread_attr_t attr;

	(void)state;
	assert_non_null(h);
	pthread_attr_init(&attr);
	assert_int_equal(pthread_attr_setstacksize(&attr, HUGE_BYTES), 0);
	assert_int_equal(pthread_setattr_default_np(&attr), 0);
	pthread_attr_destroy(&attr);
	http_start_soon(h, note_stack, NULL);
	http_free(h);
	assert_true(x_stack_bytes > 0);
	assert_true(x_stack_bytes < HUGE_BYTES);
}

static void test_serial(void **state)
{
	static struct http_slots s;
	uint64_t older;

	(void)state;
	http_slots_init(&s);
	assert_int_equal(http_slots_take(&s, 7, true, 0), 0);
	older = http_slots_serial(&s, 7);
	// 7 was closed and is somebody else's.
	assert_int_equal(http_slots_take(&s, 7, false, 1), 0);
	assert_false(http_slots_is_tcp(&s, 7));
	http_slots_leave_serial(&s, older);
	assert_false(http_slots_is_tcp(&s, 7));
	assert_int_not_equal(http_slots_serial(&s, 7), older);
	http_slots_leave(&s, 7);
	assert_int_equal(http_slots_serial(&s, 7), 0);
	http_slots_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waiting),
		cmocka_unit_test(test_stack),
		cmocka_unit_test(test_serial),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
