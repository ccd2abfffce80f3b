// SPDX-License-Identifier: Apache-2.0
//
// Usage: strings N: N entries into maps of strings, as C++ programs are made
// of.
#include <cstdlib>
#include <map>
#include <string>

int main(int argc, char **argv)
{
	const long n = argc > 1 ? atol(argv[1]) : 1000000;
	const long n_keys = 20000;
	std::map<std::string, std::string> map;
	size_t sum = 0;

	for (long i = 0; i < n; i++) {
		const long key = i * 7919 % n_keys;
		std::string name = "a key that is not a short string " +
				   std::to_string(key);
		auto found = map.find(name);

		if (found == map.end()) {
			map.emplace(name, "value " + std::to_string(i));
		} else {
			sum += found->second.size();
			if (i % 3)
				map.erase(found);
			else
				found->second += " and some more of it";
		}
	}
	return sum == 1;
}
