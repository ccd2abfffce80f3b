// SPDX-License-Identifier: Apache-2.0
//
// A small C++ program of the ordinary sort: worker threads take jobs from a
// queue behind a std::mutex, parse, sort and sum in containers, and report
// malformed jobs by exceptions. Its output is the same in every run.
#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace shop
{

struct order {
	std::string customer;
	std::vector<int> prices;
};

class order_queue
{
      public:
	void put(std::string line)
	{
		std::lock_guard<std::mutex> hold(lock);
		lines.push_back(std::move(line));
		changed.notify_one();
	}

	void close()
	{
		std::lock_guard<std::mutex> hold(lock);
		is_closed = true;
		changed.notify_all();
	}

	bool take(std::string &line)
	{
		std::unique_lock<std::mutex> hold(lock);
		changed.wait(hold,
			     [this] { return is_closed || !lines.empty(); });
		if (lines.empty())
			return false;
		line = std::move(lines.front());
		lines.pop_front();
		return true;
	}

      private:
	std::mutex lock;
	std::condition_variable changed;
	std::deque<std::string> lines;
	bool is_closed = false;
};

class ledger
{
      public:
	// Slow on purpose: work done inside the lock.
	__attribute__((noinline)) void book(const order &o)
	{
		std::lock_guard<std::mutex> hold(lock);
		long sum = 0;
		for (int i = 0; i < 40; i++)
			for (int price : o.prices)
				sum += price;
		sums[o.customer] += sum / 40;
	}

	__attribute__((noinline)) void reject()
	{
		std::lock_guard<std::mutex> hold(lock);
		n_rejected++;
	}

	void print() const
	{
		for (const auto &entry : sums)
			std::printf("%s %ld\n", entry.first.c_str(),
				    entry.second);
		std::printf("rejected %d\n", n_rejected);
	}

      private:
	std::mutex lock;
	std::map<std::string, long> sums;
	int n_rejected = 0;
};

__attribute__((noinline)) std::unique_ptr<order>
parse_order(const std::string &line)
{
	auto o = std::make_unique<order>();
	std::size_t at = line.find(':');
	if (at == std::string::npos)
		throw std::invalid_argument("no customer in '" + line + "'");
	o->customer = line.substr(0, at);
	while (at != std::string::npos) {
		o->prices.push_back(std::stoi(line.substr(at + 1)));
		at = line.find(',', at + 1);
	}
	return o;
}

__attribute__((noinline)) void sort_prices(order &o)
{
	for (int i = 0; i < 20; i++) {
		std::sort(o.prices.begin(), o.prices.end());
		std::reverse(o.prices.begin(), o.prices.end());
	}
}

void work(order_queue &queue, ledger &books)
{
	std::string line;
	while (queue.take(line)) {
		try {
			auto o = parse_order(line);
			sort_prices(*o);
			books.book(*o);
		} catch (const std::invalid_argument &) {
			books.reject();
		}
	}
}

std::string make_line(unsigned n)
{
	if (n % 50 == 0)
		return "malformed " + std::to_string(n);
	std::string line = "customer" + std::to_string(n % 7);
	for (unsigned i = 0; i < 60; i++)
		line += (i ? "," : ":") + std::to_string((n * 7919 + i) % 1000);
	return line;
}

} // namespace shop

int main()
{
	shop::order_queue queue;
	shop::ledger books;
	std::vector<std::thread> workers;

	for (int i = 0; i < 4; i++)
		workers.emplace_back(shop::work, std::ref(queue),
				     std::ref(books));
	for (unsigned n = 0; n < 60000; n++)
		queue.put(shop::make_line(n));
	queue.close();
	for (auto &worker : workers)
		worker.join();
	books.print();
	return 3; // a status of its own, which must arrive
}
