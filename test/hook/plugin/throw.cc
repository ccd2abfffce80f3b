// SPDX-License-Identifier: Apache-2.0
//
// Throws N exceptions through frames with destructors; returns how many it
// caught.
#include <stdexcept>

namespace
{

struct guard {
	~guard()
	{
		asm volatile("");
	}
};

__attribute__((noinline)) void thrower(int depth)
{
	guard g;

	if (depth == 0)
		throw std::runtime_error("x");
	thrower(depth - 1);
	asm volatile("");
}

} // namespace

extern "C" int plugin_run(int n)
{
	int n_caught = 0;

	for (int i = 0; i < n; i++) {
		try {
			thrower(8);
		} catch (const std::exception &) {
			n_caught++;
		}
	}
	return n_caught;
}
