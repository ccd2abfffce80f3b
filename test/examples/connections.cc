// SPDX-License-Identifier: Apache-2.0
//
// A profile of one's own: which code opened the connections that are open.
#include <cprof.hpp>

#include <memory>
#include <vector>

static const cprof::profile connections("connections");

struct connection {
	cprof::counted is_counted{connections};
};

int main()
{
	cprof::labels label("listener", "http");
	std::vector<std::unique_ptr<connection>> open;

	for (int i = 0; i < 100; i++)
		open.emplace_back(new connection);
	open.resize(60);
	// They are closed at the end of main: what there is now is what counts.
	return cprof_is_active() &&
	       cprof_write("connections", "connections.pb.gz");
}
