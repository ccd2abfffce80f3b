// SPDX-License-Identifier: Apache-2.0
//
// Description: a region that did not reach its process is another's next, and
// what happens to the first session leaves it alone.
#include "collector/proc.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

// A session of this process, whose index has N images.
static struct proc *new_session(uint32_t n_images)
{
	static const struct proc_env env;
	struct proc_start start = {.env = &env,
				   .pid = (uint32_t)getpid(),
				   .maps_fd = -1,
				   .pid_fd = -1,
				   .hello = malloc(sizeof(Cprof__Hello))};
	struct proc *p;

	assert_non_null(start.hello);
	cprof__hello__init(start.hello);
	assert_int_equal(proc_new(&start, &p), 0);
	p->walk.own = calloc(1, sizeof(*p->walk.own));
	assert_non_null(p->walk.own);
	p->walk.own->x_n_images = n_images;
	return p;
}

static void test_region_of_another(void **state)
{
	struct proc *first = new_session(3), *second = new_session(2);
	struct walk_index *index;
	struct region *r;

	(void)state;
	assert_int_equal(region_new(&region_small, &r), 0);
	index = region_walk_index(r);
	proc_use_region(first, r);
	assert_int_equal(index->x_n_images, 3);
	proc_drop_region(first);
	assert_int_equal(index->x_n_images, 0);
	proc_use_region(second, r);
	assert_int_equal(index->x_n_images, 2);
	// Its end empties the index of the region it has, which is none.
	proc_unref(first);
	assert_int_equal(index->x_n_images, 2);
	proc_unref(second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_region_of_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
