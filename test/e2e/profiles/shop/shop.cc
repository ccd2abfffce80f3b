// SPDX-License-Identifier: Apache-2.0
//
// A small program whose profiles are test data: templates, inlined calls, a
// recursion, threads that allocate, compute and wait for each other.
#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace shop
{
struct Order {
	std::string customer;
	std::vector<int> items;
};

static inline long square(long x)
{
	return x * x + 7;
}

template <typename T> long price(const std::vector<T> &list)
{
	long sum = 0;
	for (const T &x : list)
		sum += square(x);
	return sum;
}

class Store
{
      public:
	void add(int id)
	{
		Order order = make(id);
		std::lock_guard<std::mutex> lock(mutex);
		total += price(order.items);
		orders[id % 5000] = std::move(order);
		arrived.notify_one();
	}
	void wait(size_t n)
	{
		std::unique_lock<std::mutex> lock(mutex);
		arrived.wait(lock, [&] { return orders.size() >= n; });
	}

      private:
	static Order make(int id)
	{
		Order order;
		order.customer = "customer " + std::to_string(id);
		for (int i = 0; i < 100 + id % 900; i++)
			order.items.push_back(i * 7919 % 104729);
		std::sort(order.items.begin(), order.items.end());
		return order;
	}
	std::mutex mutex;
	std::condition_variable arrived;
	std::map<int, Order> orders;
	long total = 0;
};

__attribute__((noinline)) static int deep(Store &store, int depth, int n)
{
	if (depth)
		return deep(store, depth - 1, n) + 1;
	for (int i = 0; i < n; i++)
		store.add(i);
	return 0;
}
} // namespace shop

int main()
{
	shop::Store store;
	std::vector<std::thread> threads;
	for (int i = 0; i < 3; i++)
		threads.emplace_back([&, i] {
			pthread_setname_np(
				pthread_self(),
				("clerk " + std::to_string(i)).c_str());
			shop::deep(store, i, 12000);
		});
	store.wait(4000);
	for (std::thread &t : threads)
		t.join();
	return 0;
}
