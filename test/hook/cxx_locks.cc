// SPDX-License-Identifier: Apache-2.0
//
// C++'s ways to wait, each contended and each timed out: timed_mutex,
// recursive_timed_mutex, shared_timed_mutex, condition_variable(_any), future,
// call_once, and those of C++20 on bare futexes: semaphore, latch, barrier,
// atomic::wait. Good: every one answers what it must. The profile has the waits
// of the first kind.
#include <atomic>
#include <barrier>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <future>
#include <latch>
#include <mutex>
#include <semaphore>
#include <shared_mutex>
#include <thread>

using namespace std::chrono_literals;

static constexpr auto soon = 3ms;
static int n_bad;

static void check(const char *what, bool is_good)
{
	if (!is_good) {
		std::printf("BAD %s\n", what);
		n_bad++;
	}
}

// Another thread has M for a while, in which taking it times out.
template <class Mutex>
__attribute__((noinline)) void contend(const char *name, Mutex &m)
{
	std::atomic<int> has_it{0}, may_go{0};
	std::thread holder([&] {
		std::lock_guard<Mutex> guard(m);
		has_it = 1;
		while (!may_go)
			std::this_thread::sleep_for(1ms);
		std::this_thread::sleep_for(5ms);
	});

	while (!has_it)
		std::this_thread::yield();
	check(name, !m.try_lock());
	check(name, !m.try_lock_for(soon));
	check(name, !m.try_lock_until(std::chrono::system_clock::now() + soon));
	may_go = 1;
	m.lock();
	m.unlock();
	holder.join();
	check(name, m.try_lock_for(soon));
	m.unlock();
}

static void shared()
{
	std::shared_timed_mutex m;

	contend("shared_timed_mutex", m);
	m.lock();
	std::thread([&] {
		check("shared", !m.try_lock_shared_for(soon));
		check("shared",
		      !m.try_lock_shared_until(
			      std::chrono::steady_clock::now() + soon));
	}).join();
	m.unlock();
	std::shared_lock<std::shared_timed_mutex> one(m), two(m, soon);
	check("shared", two.owns_lock());
}

template <class Cond> static void conditions(const char *name)
{
	std::mutex m;
	Cond c;
	bool is_set = false;
	std::unique_lock<std::mutex> lock(m);

	check(name, c.wait_for(lock, soon) == std::cv_status::timeout);
	check(name,
	      c.wait_until(lock, std::chrono::system_clock::now() + soon) ==
		      std::cv_status::timeout);
	std::thread setter([&] {
		std::lock_guard<std::mutex> guard(m);
		is_set = true;
		c.notify_all();
	});
	check(name, c.wait_for(lock, 20s, [&] { return is_set; }));
	lock.unlock();
	setter.join();
}

static void futures()
{
	std::promise<int> promise;
	auto future = promise.get_future();
	std::once_flag once;
	int n_calls = 0;

	check("future", future.wait_for(soon) == std::future_status::timeout);
	std::thread setter([&] { promise.set_value(7); });
	check("future", future.get() == 7);
	setter.join();
	std::call_once(once, [&] { n_calls++; });
	std::call_once(once, [&] { n_calls++; });
	check("call_once", n_calls == 1);
}

static void bare_futexes()
{
	std::counting_semaphore<2> semaphore(0);
	std::barrier meeting(2);
	std::latch latch(1);
	std::atomic<int> value{0};

	check("semaphore", !semaphore.try_acquire_for(soon));
	std::jthread other([&] {
		semaphore.release();
		meeting.arrive_and_wait();
		latch.count_down();
		value = 1;
		value.notify_all();
	});
	semaphore.acquire();
	meeting.arrive_and_wait();
	latch.wait();
	value.wait(0);
	check("atomic", value == 1);
}

int main()
{
	std::timed_mutex timed;
	std::recursive_timed_mutex recursive;

	contend("timed_mutex", timed);
	contend("recursive_timed_mutex", recursive);
	shared();
	conditions<std::condition_variable>("condition_variable");
	conditions<std::condition_variable_any>("condition_variable_any");
	futures();
	bare_futexes();
	if (!n_bad)
		std::puts("ok");
	return n_bad != 0;
}
