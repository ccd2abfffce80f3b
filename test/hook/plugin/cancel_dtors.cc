// SPDX-License-Identifier: Apache-2.0
//
// Cancels three threads that sleep beneath two objects each. Returns N when all
// six destructors ran.
#include <atomic>
#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

namespace
{

std::atomic<int> n_destroyed;
sem_t is_up;

struct guard {
	~guard()
	{
		n_destroyed++;
	}
};

void *sleeper(void *)
{
	guard a;
	guard b;

	sem_post(&is_up);
	for (;;)
		sleep(1);
	return nullptr;
}

} // namespace

extern "C" int plugin_run(int n)
{
	sem_init(&is_up, 0, 0);
	for (int i = 0; i < 3; i++) {
		pthread_t thread;
		void *result;

		pthread_create(&thread, nullptr, sleeper, nullptr);
		sem_wait(&is_up);
		pthread_cancel(thread);
		pthread_join(thread, &result);
		if (result != PTHREAD_CANCELED)
			return -1;
	}
	return n_destroyed == 6 ? n : -n_destroyed;
}
