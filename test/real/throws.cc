// SPDX-License-Identifier: Apache-2.0
//
// Throws through several frames with destructors, catches, allocates, for ever,
// in two threads.
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

static int deep(int n, std::vector<std::string> &log)
{
	std::string here = "level " + std::to_string(n) + std::string(40, '.');

	log.push_back(here);
	if (!n)
		throw std::runtime_error(here);
	return deep(n - 1, log) + (int)here.size();
}

static void run()
{
	for (int n = 0;; n = (n + 1) % 12) {
		std::vector<std::string> log;

		try {
			deep(n, log);
		} catch (const std::runtime_error &e) {
			log.push_back(e.what());
		}
	}
}

int main()
{
	std::thread other(run);

	run();
}
