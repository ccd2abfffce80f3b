// SPDX-License-Identifier: Apache-2.0
//
// A program that sets the size of the stacks of threads to come, and uses what
// it asked for. Good: the size is the one it set, a size that can't be is
// refused, the thread has it, and what is allocated at the far end of the stack
// has a whole one in the profile.
#include "test/lib/host.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#define STACK_BYTES (64u << 20)
#define FRAME_BYTES (1u << 20)
// More than the size was before lies between the last and the start.
enum { N_FRAMES = 24, N_BLOCKS = 100 };

void far_down(int n_frames);

__attribute__((noinline)) void far_down(int n_frames)
{
	volatile char used[FRAME_BYTES];

	used[0] = 0;
	if (n_frames > 1)
		far_down(n_frames - 1);
	else
		for (int i = 0; i < N_BLOCKS; i++)
			free(malloc(500));
	__asm__ volatile("" : : "r"(used));
}

static void *run_far_down(void *arg)
{
	far_down(N_FRAMES);
	__asm__ volatile("");
	return arg;
}

int main(void)
{
	size_t bytes = 0;
	pthread_attr_t attr;
	pthread_t t;
	int n_bad;

	pthread_attr_init(&attr);
	n_bad = pthread_attr_setstacksize(&attr, STACK_BYTES) ||
		pthread_setattr_default_np(&attr);
	pthread_attr_destroy(&attr);
	pthread_getattr_default_np(&attr);
	pthread_attr_getstacksize(&attr, &bytes);
	// A stack of one's own is nobody's default.
	pthread_attr_setstack(&attr, &attr, STACK_BYTES);
	n_bad += pthread_setattr_default_np(&attr) != EINVAL;
	if (n_bad || bytes != STACK_BYTES)
		return host_verdict(1, "bad=%d bytes=%zu", n_bad, bytes);
	n_bad = pthread_create(&t, NULL, run_far_down, NULL) ||
		pthread_join(t, NULL);
	return host_verdict(n_bad, "objects=%d", N_BLOCKS);
}
