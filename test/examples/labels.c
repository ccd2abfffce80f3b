// SPDX-License-Identifier: Apache-2.0
//
// Requests of two kinds, told apart in every profile: in `cprofctl tags`, or by
// `cprofctl top --tagfocus request=slow`.
#include <cprof.h>

static volatile double sink;

static void handle(int n)
{
	for (int i = 0; i < n; i++)
		sink = sink + 1.0 / (i + 1);
}

int main(void)
{
	for (int i = 0; i < 50; i++) {
		unsigned outside =
			cprof_label("request", i % 2 ? "slow" : "quick");

		handle(i % 2 ? 3000000 : 300000);
		cprof_labels_use(outside);
	}
	cprof_mark("all requests done");
	return 0;
}
